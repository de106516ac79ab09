"""The paper's tables and figures for any labelled clips and any systems.

``system_runs`` runs each system once over each clip; everything else is made from what that leaves. ``report_folder``
writes it all into a folder.
"""
