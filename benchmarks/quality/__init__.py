"""The quality benchmark: our recipe beside every peer, on every data set, by one protocol.

``sets`` parts the data, ``matrices`` makes numbers of it, ``scored`` and ``ours`` score it,
``figures`` judge the scores, ``results`` keeps them, ``report`` tells.
"""
