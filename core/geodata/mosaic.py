"""Writes GDAL's VRT documents: many files of one grid as one raster, without copying a pixel. Reads none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as Xml

from affine import Affine

_GDAL_TYPES = {
    "uint8": "Byte",
    "int8": "Int8",
    "uint16": "UInt16",
    "int16": "Int16",
    "uint32": "UInt32",
    "int32": "Int32",
    "float32": "Float32",
    "float64": "Float64",
}


@dataclass(frozen=True)
class Placement:
    """A file and where its upper-left pixel stands in the mosaic; sizes in pixels."""

    path: Path
    col: int
    row: int
    width: int
    height: int


@dataclass(frozen=True)
class Category:
    """What one value of a class raster means."""

    value: int
    name: str
    group: str
    rgb: tuple[int, int, int]


@dataclass(frozen=True)
class BandStyle:
    """What a band says of itself in the file; all optional."""

    description: str = ""
    unit: str = ""
    scale: float | None = None
    interpretation: str = "Gray"
    categories: Sequence[Category] = ()


@dataclass(frozen=True)
class Mosaic:
    """A raster of `width` x `height` pixels made of placed files with the same bands and data type.

    `masked` takes validity from the files' own masks, so that gaps between them are missing too; use it where
    there is no `nodata`. `overviews` are smaller copies of the whole, with the same bands.
    """

    width: int
    height: int
    wkt: str
    transform: Affine
    dtype: str
    bands: Sequence[BandStyle]
    placements: Sequence[Placement]
    nodata: float | None = None
    masked: bool = False
    overviews: Sequence[Path] = ()
    tags: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> str:
        """Return the VRT document."""
        root = Xml.Element("VRTDataset", rasterXSize=str(self.width), rasterYSize=str(self.height))
        Xml.SubElement(root, "SRS").text = self.wkt
        Xml.SubElement(root, "GeoTransform").text = ", ".join(
            repr(float(v)) for v in self.transform.to_gdal()
        )
        if self.tags:
            metadata = Xml.SubElement(root, "Metadata")
            for key, value in sorted(self.tags.items()):
                Xml.SubElement(metadata, "MDI", key=key).text = value
        for index, style in enumerate(self.bands, start=1):
            self._add_band(root, index, style)
        if self.masked:
            mask = Xml.SubElement(Xml.SubElement(root, "MaskBand"), "VRTRasterBand", dataType="Byte")
            self._add_files(mask, "mask,1")
        return Xml.tostring(root, encoding="unicode")

    def _add_band(self, root: Xml.Element, index: int, style: BandStyle) -> None:
        band = Xml.SubElement(root, "VRTRasterBand", dataType=_GDAL_TYPES[self.dtype], band=str(index))
        if style.description:
            Xml.SubElement(band, "Description").text = style.description
        if self.nodata is not None:
            Xml.SubElement(band, "NoDataValue").text = repr(float(self.nodata))
        if style.unit:
            Xml.SubElement(band, "UnitType").text = style.unit
        if style.scale is not None:
            Xml.SubElement(band, "Offset").text = "0"
            Xml.SubElement(band, "Scale").text = repr(style.scale)
        Xml.SubElement(band, "ColorInterp").text = style.interpretation
        if style.categories:
            _add_names(band, style.categories)
            _add_palette(band, style.categories)
            _add_attribute_table(band, style.categories)
        self._add_files(band, str(index))
        for path in self.overviews:
            overview = Xml.SubElement(band, "Overview")
            Xml.SubElement(overview, "SourceFilename", relativeToVRT="0").text = str(path.absolute())
            Xml.SubElement(overview, "SourceBand").text = str(index)

    def _add_files(self, band: Xml.Element, source_band: str) -> None:
        keep_holes = self.nodata is not None and source_band != "mask,1"
        for place in self.placements:
            source = Xml.SubElement(band, "ComplexSource" if keep_holes else "SimpleSource")
            name = Xml.SubElement(source, "SourceFilename", relativeToVRT="0")
            name.text = str(place.path.absolute())
            Xml.SubElement(source, "SourceBand").text = source_band
            width, height = str(place.width), str(place.height)
            Xml.SubElement(source, "SrcRect", xOff="0", yOff="0", xSize=width, ySize=height)
            Xml.SubElement(
                source, "DstRect", xOff=str(place.col), yOff=str(place.row), xSize=width, ySize=height
            )
            if keep_holes:
                Xml.SubElement(source, "NODATA").text = repr(float(self.nodata or 0))


def _add_names(band: Xml.Element, categories: Sequence[Category]) -> None:
    """Add GDAL's list of names, one per value from 0 to the largest."""
    by_value = {category.value: category.name for category in categories}
    names = Xml.SubElement(band, "CategoryNames")
    for value in range(max(by_value) + 1):
        Xml.SubElement(names, "Category").text = by_value.get(value, "")


def _add_palette(band: Xml.Element, categories: Sequence[Category]) -> None:
    by_value = {category.value: category.rgb for category in categories}
    table = Xml.SubElement(band, "ColorTable")
    for value in range(256):
        red, green, blue = by_value.get(value, (0, 0, 0))
        alpha = "255" if value in by_value else "0"
        Xml.SubElement(table, "Entry", c1=str(red), c2=str(green), c3=str(blue), c4=alpha)


#: Columns of the attribute table: name, GDAL's field type (0 whole number, 2 text) and usage.
_COLUMNS = (("Value", 0, 5), ("Class", 2, 2), ("Group", 2, 0), ("Red", 0, 6), ("Green", 0, 7), ("Blue", 0, 8))


def _add_attribute_table(band: Xml.Element, categories: Sequence[Category]) -> None:
    table = Xml.SubElement(band, "GDALRasterAttributeTable", tableType="thematic")
    for index, (name, kind, usage) in enumerate(_COLUMNS):
        column = Xml.SubElement(table, "FieldDefn", index=str(index))
        for tag, value in (("Name", name), ("Type", kind), ("Usage", usage)):
            Xml.SubElement(column, tag).text = str(value)
    for index, category in enumerate(categories):
        row = Xml.SubElement(table, "Row", index=str(index))
        for value in (category.value, category.name, category.group, *category.rgb):
            Xml.SubElement(row, "F").text = str(value)
