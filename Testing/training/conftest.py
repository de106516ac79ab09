"""Trainings here end without the minute that a graph of each small network takes; test_onnx.py makes graphs."""

import pytest

onnx_export = pytest.importorskip("EchoKeyframeLib.models.onnx_export", reason="needs torch", exc_type=ImportError)


@pytest.fixture(autouse=True, scope="module")
def no_export():
    """Only graphs that lie in bundled weights are put into new ones."""

    def refuse(network):
        raise onnx_export.ExportError("not in this test")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_export, "export_graphs", refuse)
        yield
