"""The LV's border in every frame of an apical loop, found by a network, with what makes it doubtful."""
