"""Where images with known hands come from: synthetic scenes, real datasets, and the crops cut from both."""
