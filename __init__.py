"""MCE Land Cover: QGIS plugin and Python package. Nothing is imported here until QGIS asks for the plugin."""


def classFactory(iface):  # type: ignore[no-untyped-def]  # noqa: N802
    """Return the plugin object for QGIS (QGIS plugin protocol)."""
    from .plugin.plugin import MceLandCoverPlugin

    return MceLandCoverPlugin(iface)
