"""Translation: the one `tr` of the plugin and the loading of its compiled translation files."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsSettings
from qgis.PyQt.QtCore import QCoreApplication, QLocale, QTranslator

from .paths import RESOURCES

CONTEXT = "MceLandCover"


def tr(text: str) -> str:
    """Return the text in the user's language, or unchanged where no translation is loaded."""
    return QCoreApplication.translate(CONTEXT, text)


def user_locale() -> str:
    """Return the locale that QGIS runs in, for example `de_CH`."""
    settings = QgsSettings()
    if settings.value("locale/overrideFlag", False, type=bool):
        return str(settings.value("locale/userLocale", "en", type=str))
    return QLocale.system().name()


def load_translator(locale: str, folder: Path = RESOURCES / "i18n") -> QTranslator | None:
    """Install the translation for `de_CH`, else for `de`; return it, or None where neither file exists."""
    for name in (locale, locale.partition("_")[0]):
        file = folder / f"mce_landcover_{name}.qm"
        translator = QTranslator()
        if file.is_file() and translator.load(str(file)):
            QCoreApplication.installTranslator(translator)
            return translator
    return None
