"""Pictures of an ECG: 12-lead paper as a vector figure, and what every figure needs to reach a file or a page."""
