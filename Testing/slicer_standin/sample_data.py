"""Slicer's module SampleData, without its panel: takes samples of other modules, fetches files and checks them."""

from __future__ import annotations

import hashlib
import sys
import urllib.request
from pathlib import Path
from types import ModuleType

import slicer

FIELDS = "uris", "fileNames", "nodeNames", "loadFiles", "loadFileTypes", "checksums"
cache = Path()
"""Where fetched files are kept; set by ``install``."""


class SampleDataSource:
    """One sample. A text stands for a list of one; lists must be equally long, and two of them must be given."""

    def __init__(self, sampleName=None, sampleDescription=None, uris=None, fileNames=None, nodeNames=None,
                 checksums=None, loadFiles=None, customDownloader=None, thumbnailFileName=None, loadFileTypes=None,
                 loadFileProperties=None, loadFileType=None):  # fmt: skip
        given = dict(zip(FIELDS, (uris, fileNames, nodeNames, loadFiles, loadFileTypes or loadFileType, checksums),
                         strict=True))  # fmt: skip
        if isinstance(uris, str):
            given = {field: [value] for field, value in given.items()}
        elif isinstance(uris, list | tuple):
            for field in FIELDS[2:]:
                if given[field] is None or isinstance(given[field], str):
                    given[field] = [given[field]] * len(uris)
        lengths = {field: len(value) for field, value in given.items()}  # TypeError where uris or fileNames are missing
        if len(set(lengths.values())) > 1:
            raise ValueError(f"All fields of sample data source must have the same length: {lengths}")
        vars(self).update(given, sampleName=sampleName, sampleDescription=sampleDescription or sampleName,
                          customDownloader=customDownloader, thumbnailFileName=thumbnailFileName)  # fmt: skip

    def __eq__(self, other):
        return vars(self) == vars(other)

    __hash__ = None


class SampleDataLogic:
    """Samples are kept by category in ``slicer.modules.sampleDataSources``, as Slicer keeps them."""

    @staticmethod
    def registerCustomSampleDataCategory(category, title):
        _kept("sampleDataSourceCategories").setdefault(category, {})["title"] = title

    @staticmethod
    def registerCustomSampleDataSource(category="Custom", sampleName=None, uris=None, fileNames=None, nodeNames=None,
                                       customDownloader=None, thumbnailFileName=None, loadFileTypes=None,
                                       loadFiles=None, loadFileProperties=None, checksums=None,
                                       loadFileType=None):  # fmt: skip
        source = SampleDataSource(sampleName, None, uris, fileNames, nodeNames, checksums, loadFiles, customDownloader,
                                  thumbnailFileName, loadFileTypes, loadFileProperties, loadFileType)  # fmt: skip
        sources = _kept("sampleDataSources").setdefault(category, [])
        if source not in sources:
            sources.append(source)

    def downloadSamples(self, sampleName):
        """Not by the source's own downloader: that is for the panel's button."""
        for sources in _kept("sampleDataSources").values():
            for source in sources:
                if source.sampleName == sampleName:
                    return self.downloadFromSource(source)
        return []

    def downloadSample(self, sampleName):
        return self.downloadSamples(sampleName)[0]

    def downloadFromSource(self, source):
        fields = zip(*(getattr(source, field) for field in FIELDS), strict=True)
        results = []
        for uri, name, _, load, _, checksum in fields:
            if load is not False:
                raise NotImplementedError("the stand-in has no file readers")
            results.append(self.downloadFile(uri, str(cache), name, checksum))
        return results

    def downloadFile(self, uri, destFolderPath, name, checksum=None):
        path = Path(destFolderPath) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        algorithm, _, digest = (checksum or "").partition(":")
        if checksum and (algorithm not in ("SHA256", "SHA512", "MD5") or not digest):
            raise ValueError(f"invalid checksum {checksum}")
        try:
            urllib.request.urlretrieve(uri, path)
        except OSError as error:
            raise ValueError(f"Failed to download {uri} to {path}") from error
        if checksum and hashlib.new(algorithm.lower(), path.read_bytes()).hexdigest() != digest:
            path.unlink()  # and its path is returned all the same
        return str(path)


def downloadSample(sampleName):
    return SampleDataLogic().downloadSample(sampleName)


def install(folder):
    """Put the module where ``import`` finds it; ``folder`` takes what is fetched."""
    global cache
    cache = folder
    module = ModuleType("SampleData")
    vars(module).update(SampleDataLogic=SampleDataLogic, SampleDataSource=SampleDataSource,
                        downloadSample=downloadSample)  # fmt: skip
    sys.modules["SampleData"] = module


def _kept(name):
    if not hasattr(slicer.modules, name):
        setattr(slicer.modules, name, {})
    return getattr(slicer.modules, name)
