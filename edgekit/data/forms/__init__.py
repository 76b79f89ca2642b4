"""How publishers pack their data: one function a form, from the files of a source to the arrays of ARRAYS, in order."""
