"""How good and how fast is the line, beside others that answer the same question on the same input?

`odograph bench SUBJECT` measures; each subject is a module or a package here and a command in `commands`. Peers are
installed only by those who want to measure them (the extra `peers`); what they gave when we did is kept as a file
beside the subject, with date and versions, so that a comparison can always be read.
"""
