"""Training the two small classifiers: data sets, the loop, the curves.

`astfx.training.datasets` finds labelled clips, `astfx.training.loop` trains on them.
"""
