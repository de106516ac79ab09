"""The module's arrangements of views in the application, from its start on, whether the module is opened or not."""

from __future__ import annotations

from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from .view_layouts import CHART, SIDE_BY_SIDE, LayoutKeeper, use_loop_layout

_TOOLBAR_DELAY = 200
"""ms after a scene was opened: Slicer's sequence toolbar chooses the last browser of the scene within 20."""


class Upkeep:
    """Offers the arrangements in the application's layout menu, shows them where an opened scene was saved in them, and
    puts right what scenes of earlier versions hold otherwise; until ``stop``."""

    def __init__(self) -> None:
        self._scene, node = slicer.mrmlScene, layout_node()
        self._layouts = LayoutKeeper(node) if node is not None else None
        self._tag: int | None = self._scene.AddObserver(self._scene.EndImportEvent, self._on_imported)
        self._actions = _offer()

    def stop(self) -> None:
        """Take the menu's entries away again and follow nothing. May be called more than once."""
        if self._layouts is not None:
            self._layouts.stop()
        if self._tag is not None:
            self._scene.RemoveObserver(self._tag)
            self._tag = None
        for menu, action in self._actions:
            menu.removeAction(action)
        self._actions = []

    def _on_imported(self, *_arguments: Any) -> None:
        if self._scene.GetNumberOfNodesByClass("vtkMRMLSequenceNode") == 0:
            return
        # With its NumPy only now: this file is imported when the application starts.
        from ...scene import bring_up_to_date

        bring_up_to_date(self._scene)
        qt.QTimer.singleShot(_TOOLBAR_DELAY, _choose_a_loop_to_play)


def start_upkeep() -> None:
    """Begin, in place of what a module that was reloaded began. Called once the application has started."""
    before = getattr(slicer, "echoKeyframeUpkeep", None)
    if before is not None:
        before.stop()
    slicer.echoKeyframeUpkeep = Upkeep()  # outlives a reload: Python would take apart what only VTK holds


def layout_node() -> Any | None:
    """The application's vtkMRMLLayoutNode; None without views."""
    manager = slicer.app.layoutManager()
    return manager.layoutLogic().GetLayoutNode() if manager is not None else None


def show_loop_alone() -> None:
    """Show the red slice view alone, and the loop in it as large as it fits once the view has its size."""
    node = layout_node()
    if node is not None:
        use_loop_layout(node)
        qt.QTimer.singleShot(0, lambda: slicer.util.setSliceViewerLayers(fit=True))


def show_in_views(sequence: Any) -> None:
    """Show a sequence in the slice views, in the red one alone where none on show faces it, and in the sequence
    toolbar. Nothing happens where no browser plays it."""
    from ...scene import find_browser, show_in_facing_views

    browser = find_browser(sequence)
    if browser is None:
        return
    slicer.modules.sequences.setToolBarActiveBrowserNode(browser)
    slicer.modules.sequences.showSequenceBrowser(browser)
    on_show = show_in_facing_views(browser.GetProxyNode(sequence))
    if not on_show and slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSliceCompositeNode"):
        show_loop_alone()  # the views that face it are hidden
    slicer.util.setSliceViewerLayers(fit=True)


def bring_up(sequence: Any) -> None:
    """Show a loop where no view on show has its frame, and let the toolbar play it."""
    from ...scene import current_frame, find_browser, is_shown

    browser = find_browser(sequence)
    if browser is None:
        return
    slicer.modules.sequences.setToolBarActiveBrowserNode(browser)
    if not is_shown(sequence, current_frame(sequence)):
        show_in_views(sequence)


def _offer() -> list[tuple[Any, Any]]:
    """Entries in the menu of layouts, with their menu."""
    window = slicer.util.mainWindow()
    bar = window.findChild("QToolBar", "ViewToolBar") if window is not None else None
    button = bar.widgetForAction(bar.actions()[0]) if bar is not None and bar.actions() else None
    menu = button.menu() if button is not None else None
    offered = []
    for number, text in ((CHART, _("Loop and chart")), (SIDE_BY_SIDE, _("ED and ES side by side"))):
        if menu is not None:
            action = menu.addAction(text)
            action.setData(number)
            offered.append((menu, action))
    return offered


def _choose_a_loop_to_play() -> None:
    """Where the toolbar was left with a side-by-side browser, which stands still, let it play the loop."""
    from ...scene import find_browser, image_sequences

    bar = slicer.modules.sequences.toolBar()
    active = bar.activeBrowserNode()
    if active is not None and not active.GetHideFromEditors():
        return
    playing = (find_browser(loop) for loop in image_sequences(slicer.mrmlScene))
    browser = next((browser for browser in playing if browser is not None), None)
    if browser is not None:
        slicer.modules.sequences.setToolBarActiveBrowserNode(browser)
