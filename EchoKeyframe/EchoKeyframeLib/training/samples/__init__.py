"""What a training step is made of: windows, beats or single frames of stored clips, with what is to be answered."""
