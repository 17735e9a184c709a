"""Files that travel with the package: catalogues, models, help, icons, styles, requirement pins."""
