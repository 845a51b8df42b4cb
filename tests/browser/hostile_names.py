"""Names of files that do harm where they are not taken as text."""

HOSTILE = (
    '<script>alert(1)</script>/"><img src=x onerror=alert(1)>.md',
    "{{ 7 * 7 }}{% raw %}'`--></title><svg onload=alert(1)>.md",
    "invoice \u202egpj.exe\u202c.md",
    "\u05d3\u05d5\u05d7 \u05e9\u05e0\u05ea\u05d9/\u0645\u0644\u0641 \u0661.md",
    "line\nbreak\r\x1b[2J\x00 and \u2028 separators.md",
    "javascript:alert(1)//https://evil.example/?a=b&amp;c=d#x.md",
    "x" * 990 + ".md",
    "\U0001f469\u200d\U0001f4bb nai\u0308ve \u4f60\u597d \ufeff\u200b.md",
)
"""Names that try to leave their place: tags, templates, directions, controls, 1,000 bytes."""
