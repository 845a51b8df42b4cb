"""The MIME types that File Search documents as supported, and those of the Files API."""

from __future__ import annotations

_APPLICATION = """
    dart ecmascript json ms-java msword pdf sql typescript vnd.curl vnd.dart
    vnd.ibm.secure-container vnd.jupyter vnd.ms-excel vnd.oasis.opendocument.text
    vnd.openxmlformats-officedocument.presentationml.presentation
    vnd.openxmlformats-officedocument.spreadsheetml.sheet
    vnd.openxmlformats-officedocument.wordprocessingml.document
    vnd.openxmlformats-officedocument.wordprocessingml.template x-csh x-hwp x-hwp-v5 x-latex
    x-php x-powershell x-sh x-shellscript x-tex x-zsh xml zip
"""
_TEXT = """
    1d-interleaved-parityfec RED SGML cache-manifest calendar cql cql-extension cql-identifier
    css csv csv-schema dns encaprtp enriched example fhirpath flexfec fwdred gff3
    grammar-ref-list hl7v2 html javascript jcr-cnd jsx markdown mizar n3 parameters parityfec php
    plain provenance-notation prs.fallenstein.rst prs.lines.tag prs.prop.logic raptorfec
    rfc822-headers rtf rtp-enc-aescm128 rtploopback rtx sgml shaclc shex spdx strings t140
    tab-separated-values texmacs troff tsv tsx turtle ulpfec uri-list vcard vnd.DMClientScript
    vnd.IPTC.NITF vnd.IPTC.NewsML vnd.a vnd.abc vnd.ascii-art vnd.curl vnd.debian.copyright
    vnd.dvb.subtitle vnd.esmertec.theme-descriptor vnd.exchangeable vnd.familysearch.gedcom
    vnd.ficlab.flt vnd.fly vnd.fmi.flexstor vnd.gml vnd.graphviz vnd.hans vnd.hgl vnd.in3d.3dml
    vnd.in3d.spot vnd.latex-z vnd.motorola.reflex vnd.ms-mediapackage
    vnd.net2phone.commcenter.command vnd.radisys.msml-basic-layout vnd.senx.warpscript vnd.sosi
    vnd.sun.j2me.app-descriptor vnd.trolltech.linguist vnd.wap.si vnd.wap.sl vnd.wap.wml
    vnd.wap.wmlscript vtt wgsl x-asm x-bibtex x-boo x-c x-c++hdr x-c++src x-cassandra x-chdr
    x-coffeescript x-component x-csh x-csharp x-csrc x-cuda x-d x-diff x-dsrc x-emacs-lisp
    x-erlang x-gff3 x-go x-haskell x-java x-java-properties x-java-source x-kotlin x-lilypond
    x-lisp x-literate-haskell x-lua x-moc x-objcsrc x-pascal x-pcs-gcd x-perl x-perl-script
    x-python x-python-script x-r-markdown x-rsrc x-rst x-ruby-script x-rust x-sass x-scala
    x-scheme x-script.python x-scss x-setext x-sfv x-sh x-siesta x-sos x-sql x-swift x-tcl x-tex
    x-vbasic x-vcalendar xml xml-dtd xml-external-parsed-entity yaml
"""

SUPPORTED = frozenset(
    [f"application/{name.lower()}" for name in _APPLICATION.split()]
    + [f"text/{name.lower()}" for name in _TEXT.split()]
)
DEFAULT_EMBEDDING_MODEL = "models/gemini-embedding-001"
MULTIMODAL_MODEL = "models/gemini-embedding-2"
EMBEDDING_MODELS = frozenset({DEFAULT_EMBEDDING_MODEL, MULTIMODAL_MODEL})
_MULTIMODAL = frozenset({"image/png", "image/jpeg"})
_MEDIA = ("image/", "audio/", "video/")


def bare_type(mime_type: str) -> str:
    """Return the type in lower case, without its parameters."""
    return mime_type.partition(";")[0].strip().lower()


def can_be_uploaded(mime_type: str) -> bool:
    """Return whether the Files API accepts it: what File Search accepts, and media."""
    bare = bare_type(mime_type)
    return bare in SUPPORTED or bare.startswith(_MEDIA)


def can_be_indexed(mime_type: str, embedding_model: str) -> bool:
    """Return whether a store with this embedding model accepts it."""
    bare = bare_type(mime_type)
    return bare in SUPPORTED or (embedding_model == MULTIMODAL_MODEL and bare in _MULTIMODAL)
