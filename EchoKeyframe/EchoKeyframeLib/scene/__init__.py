"""A cine and its keyframes as nodes of a Slicer scene.

MRML only: runs in Slicer and on the bare nodes of ``slicer-core``, without an application or Qt. Everything takes
nodes, or the scene where there is no node yet. Docs/scene-contract.md tells other extensions how to read the result
without this package.
"""

from .contours.contour_origin import is_found
from .contours.contour_visibility import ContourViews, is_shown
from .contours.disk_model import find_disks
from .contours.found_contours import accept_found, put_found, wanted_contours
from .contours.long_axis import find_axis, release_axis
from .contours.lv_contours import (
    add_contour,
    contour_being_drawn,
    contour_place,
    find_contour,
    find_contours,
    is_drawn,
    place_contour,
    put_contour,
    remove_contour,
)
from .contours.lv_segments import contour_from_segment, segment_frame
from .contours.placement import is_being_drawn, start_drawing, stop_drawing
from .curves.curve_chart import add_curves, find_chart, frame_of_point, show_chart
from .curves.frame_cursor import FrameCursor
from .earlier_versions import bring_up_to_date
from .files.contour_files import contours_in_the_way, open_contours, save_contours
from .files.key_objects import bookmark_key_object, save_key_object
from .files.labelled_loops import add_labelled_cine, as_labelled, bookmark_labels, store_loop
from .files.pixel_size import set_pixel_size
from .files.source_file import SourceComparison, compare_with_source, find_source_file, repair_from_source
from .keyframes.bookmarks import BookmarkObserver, has_bookmarks, restore_table
from .keyframes.keyframe_table import (
    add_keyframe,
    can_undo,
    change_phase,
    clear_keyframes,
    find_keyframe_table,
    keyframe_table,
    move_keyframe,
    read_beats,
    read_keyframes,
    remove_keyframe,
    sequence_of_table,
    set_keyframes,
    settle_table,
    undo,
    write_detection,
)
from .keyframes.keyframe_volumes import extract_keyframes, frame_of_volume, keyframe_volumes
from .keyframes.side_by_side import FramePair, add_frame_pair, remove_frame_pair, show_frame_pair
from .loop.cine_sequence import GrowingSequence, add_cine_sequence
from .loop.frame_times import frame_times
from .loop.navigation import current_frame, find_browser, next_keyframe, previous_keyframe, show_frame
from .loop.playback_clock import PlaybackClock
from .loop.sequence_frames import (
    cine_from_sequence,
    image_sequences,
    is_image_loop,
    loop_spacing,
    read_frame,
    source_uid,
)
from .loop.slice_views import show_in_facing_views
from .results.live_measurement import LiveMeasurement
from .results.lv_measurement import measure_sequences, propose_contour
from .results.measurement_table import find_measurement, find_volume_chart
from .results.volume_curve import find_volume_curve, write_volume_curve
from .scene_error import SceneError

__all__ = [
    "BookmarkObserver",
    "ContourViews",
    "FrameCursor",
    "FramePair",
    "GrowingSequence",
    "LiveMeasurement",
    "PlaybackClock",
    "SceneError",
    "SourceComparison",
    "accept_found",
    "add_cine_sequence",
    "add_contour",
    "add_curves",
    "add_frame_pair",
    "add_keyframe",
    "add_labelled_cine",
    "as_labelled",
    "bookmark_key_object",
    "bookmark_labels",
    "bring_up_to_date",
    "can_undo",
    "change_phase",
    "cine_from_sequence",
    "clear_keyframes",
    "compare_with_source",
    "contour_being_drawn",
    "contour_from_segment",
    "contour_place",
    "contours_in_the_way",
    "current_frame",
    "extract_keyframes",
    "find_axis",
    "find_browser",
    "find_chart",
    "find_contour",
    "find_contours",
    "find_disks",
    "find_keyframe_table",
    "find_measurement",
    "find_source_file",
    "find_volume_chart",
    "find_volume_curve",
    "frame_of_point",
    "frame_of_volume",
    "frame_times",
    "has_bookmarks",
    "image_sequences",
    "is_being_drawn",
    "is_drawn",
    "is_found",
    "is_image_loop",
    "is_shown",
    "keyframe_table",
    "keyframe_volumes",
    "loop_spacing",
    "measure_sequences",
    "move_keyframe",
    "next_keyframe",
    "open_contours",
    "place_contour",
    "previous_keyframe",
    "propose_contour",
    "put_contour",
    "put_found",
    "read_beats",
    "read_frame",
    "read_keyframes",
    "release_axis",
    "remove_contour",
    "remove_frame_pair",
    "remove_keyframe",
    "repair_from_source",
    "restore_table",
    "save_contours",
    "save_key_object",
    "segment_frame",
    "sequence_of_table",
    "set_keyframes",
    "set_pixel_size",
    "settle_table",
    "show_chart",
    "show_frame",
    "show_frame_pair",
    "show_in_facing_views",
    "source_uid",
    "start_drawing",
    "stop_drawing",
    "store_loop",
    "undo",
    "wanted_contours",
    "write_detection",
    "write_volume_curve",
]
