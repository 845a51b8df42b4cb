"""The media type for an object's name, and the types that File Search accepts.

The table is our own. The standard library's depends on the host's ``mime.types``, lacks ``.yaml``,
``.toml``, ``.go`` and ``.ipynb``, and takes ``.ts`` for a Qt translation and ``.rs`` for a type
that has nothing to do with Rust. Readable text without a type of its own is ``text/plain``.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

from shared.domain.source.picture import JPEG, PNG

PLAIN_TEXT: Final = "text/plain"

# Source: the list of supported file types in Google's File Search documentation, September 2026.
_APPLICATION = """
    dart ecmascript json ms-java msword pdf sql typescript vnd.curl vnd.dart
    vnd.ibm.secure-container vnd.jupyter vnd.ms-excel vnd.oasis.opendocument.text
    vnd.openxmlformats-officedocument.presentationml.presentation
    vnd.openxmlformats-officedocument.spreadsheetml.sheet
    vnd.openxmlformats-officedocument.wordprocessingml.document
    vnd.openxmlformats-officedocument.wordprocessingml.template
    x-csh x-hwp x-hwp-v5 x-latex x-php x-powershell x-sh x-shellscript x-tex x-zsh xml zip
"""
_TEXT = """
    1d-interleaved-parityfec RED SGML cache-manifest calendar cql cql-extension cql-identifier css
    csv csv-schema dns encaprtp enriched example fhirpath flexfec fwdred gff3 grammar-ref-list hl7v2
    html javascript jcr-cnd jsx markdown mizar n3 parameters parityfec php plain
    provenance-notation prs.fallenstein.rst prs.lines.tag prs.prop.logic raptorfec rfc822-headers
    rtf rtp-enc-aescm128 rtploopback rtx sgml shaclc shex spdx strings t140 tab-separated-values
    texmacs troff tsv tsx turtle ulpfec uri-list vcard vnd.DMClientScript vnd.IPTC.NITF
    vnd.IPTC.NewsML vnd.a vnd.abc vnd.ascii-art vnd.curl vnd.debian.copyright vnd.dvb.subtitle
    vnd.esmertec.theme-descriptor vnd.exchangeable vnd.familysearch.gedcom vnd.ficlab.flt vnd.fly
    vnd.fmi.flexstor vnd.gml vnd.graphviz vnd.hans vnd.hgl vnd.in3d.3dml vnd.in3d.spot vnd.latex-z
    vnd.motorola.reflex vnd.ms-mediapackage vnd.net2phone.commcenter.command
    vnd.radisys.msml-basic-layout vnd.senx.warpscript vnd.sosi vnd.sun.j2me.app-descriptor
    vnd.trolltech.linguist vnd.wap.si vnd.wap.sl vnd.wap.wml vnd.wap.wmlscript vtt wgsl x-asm
    x-bibtex x-boo x-c x-c++hdr x-c++src x-cassandra x-chdr x-coffeescript x-component x-csh
    x-csharp x-csrc x-cuda x-d x-diff x-dsrc x-emacs-lisp x-erlang x-gff3 x-go x-haskell x-java
    x-java-properties x-java-source x-kotlin x-lilypond x-lisp x-literate-haskell x-lua x-moc
    x-objcsrc x-pascal x-pcs-gcd x-perl x-perl-script x-python x-python-script x-r-markdown x-rsrc
    x-rst x-ruby-script x-rust x-sass x-scala x-scheme x-script.python x-scss x-setext x-sfv x-sh
    x-siesta x-sos x-sql x-swift x-tcl x-tex x-vbasic x-vcalendar xml xml-dtd
    xml-external-parsed-entity yaml
"""
SUPPORTED: Final[frozenset[str]] = frozenset(
    [f"application/{name}" for name in _APPLICATION.split()]
    + [f"text/{name}" for name in _TEXT.split()]
)
"""Every media type that the service documents as supported in every store."""

# Media type -> its extensions. Where the service lists several names for one format, this has the
# text/ name: application/x-sh was refused with a 400 (googleapis/python-genai, issue 1900).
# Ambiguous extensions such as `.dot` (Word or Graphviz) are left out: the first bytes decide.
_EXTENSIONS_OF = {
    "application/dart": "dart",
    "application/json": "json geojson webmanifest",
    "application/msword": "doc",
    "application/pdf": "pdf",
    "application/typescript": "ts mts cts",
    "application/vnd.jupyter": "ipynb",
    "application/vnd.ms-excel": "xls xlt",
    "application/vnd.oasis.opendocument.text": "odt",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.template": "dotx",
    "application/x-hwp": "hwp",
    "application/x-latex": "latex ltx",
    "application/x-powershell": "ps1 psm1 psd1",
    "application/x-zsh": "zsh",
    "application/xml": "xml xsd xsl xslt rss atom kml gpx plist wsdl rdf",
    "application/zip": "zip",
    "text/cache-manifest": "appcache",
    "text/calendar": "ics ifb",
    "text/cql": "cql",
    "text/css": "css",
    "text/csv": "csv",
    "text/csv-schema": "csvs",
    "text/dns": "zone",
    "text/fhirpath": "fhirpath",
    "text/gff3": "gff3",
    "text/hl7v2": "hl7",
    "text/html": "html htm xhtml shtml",
    "text/javascript": "js mjs cjs",
    "text/jcr-cnd": "cnd",
    "text/jsx": "jsx",
    "text/markdown": "md markdown mdown mkd mdx qmd",
    "text/mizar": "miz",
    "text/n3": "n3",
    "text/php": "php phtml",
    "text/provenance-notation": "provn",
    "text/rtf": "rtf",
    "text/sgml": "sgml sgm",
    "text/shaclc": "shaclc",
    "text/shex": "shex",
    "text/spdx": "spdx",
    "text/strings": "strings",
    "text/tab-separated-values": "tsv",
    "text/texmacs": "tm",
    "text/troff": "roff troff man",
    "text/tsx": "tsx",
    "text/turtle": "ttl",
    "text/uri-list": "uris urls",
    "text/vcard": "vcf vcard",
    "text/vnd.abc": "abc",
    "text/vnd.curl": "curl",
    "text/vnd.familysearch.gedcom": "ged",
    "text/vnd.gml": "gml",
    "text/vnd.graphviz": "gv",
    "text/vnd.wap.wml": "wml",
    "text/vnd.wap.wmlscript": "wmls",
    "text/vtt": "vtt",
    "text/wgsl": "wgsl",
    "text/x-asm": "asm s",
    "text/x-bibtex": "bib",
    "text/x-boo": "boo",
    "text/x-c++hdr": "hpp hxx hh",
    "text/x-c++src": "cpp cxx cc",
    "text/x-chdr": "h",
    "text/x-coffeescript": "coffee",
    "text/x-component": "htc",
    "text/x-csh": "csh tcsh",
    "text/x-csharp": "cs csx",
    "text/x-csrc": "c",
    "text/x-cuda": "cu cuh",
    "text/x-dsrc": "d",
    "text/x-diff": "diff patch",
    "text/x-emacs-lisp": "el",
    "text/x-erlang": "erl hrl",
    "text/x-go": "go",
    "text/x-haskell": "hs",
    "text/x-java": "java",
    "text/x-java-properties": "properties",
    "text/x-kotlin": "kt kts",
    "text/x-lilypond": "ly ily",
    "text/x-lisp": "lisp lsp cl",
    "text/x-literate-haskell": "lhs",
    "text/x-lua": "lua",
    "text/x-moc": "moc",
    "text/x-objcsrc": "m mm",
    "text/x-pascal": "pas",
    "text/x-perl": "pl pm",
    "text/x-python": "py pyi pyw",
    "text/x-r-markdown": "rmd",
    "text/x-rst": "rst",
    "text/x-ruby-script": "rb rake gemspec",
    "text/x-rust": "rs",
    "text/x-sass": "sass",
    "text/x-scala": "scala sc",
    "text/x-scheme": "scm ss",
    "text/x-scss": "scss",
    "text/x-sh": "sh bash ksh",
    "text/x-sql": "sql ddl dml",
    "text/x-swift": "swift",
    "text/x-tcl": "tcl tk",
    "text/x-tex": "tex sty cls",
    "text/x-vbasic": "vb bas vbs",
    "text/x-vcalendar": "vcs",
    "text/xml-dtd": "dtd",
    "text/xml-external-parsed-entity": "ent",
    "text/yaml": "yaml yml",
    PLAIN_TEXT: (
        "txt text log toml ini cfg conf config env editorconfig jsonl ndjson json5 "
        "jsonc org adoc asciidoc textile wiki creole srt sbv eml mbox vue svelte astro less styl "
        "r jl ex exs eex clj cljs edn groovy gradle ml mli fs fsx nim zig v sv vhd vhdl f f90 f95 "
        "cob ada adb ads pro proto thrift avsc graphql gql tf tfvars hcl bzl bazel cmake mk mak "
        "dockerfile bat cmd awk sed vim nix feature http rest psv po pot tpl tmpl j2 ejs erb hbs "
        "mustache pug liquid"
    ),
}
EXTENSIONS: Final = MappingProxyType(
    {ext: media_type for media_type, exts in _EXTENSIONS_OF.items() for ext in exts.split()}
)
"""Lower-case extension without its dot -> the media type sent to the service."""

PICTURE_EXTENSIONS: Final = MappingProxyType(
    {"png": PNG, **dict.fromkeys(("jpg", "jpeg", "jpe", "jfif"), JPEG)}
)
"""The same for pictures, which a store accepts if its embedding model does."""

# The first bytes of these are never read: some formats begin with readable text, and embedding them
# costs money.
# Extensions that are also language codes (README.pt, README.ar) are left out: the bytes decide.
_UNSUPPORTED = """
    gif bmp tif tiff webp heic heif avif jxl ico icns svg svgz raw cr2 cr3 nef
    arw dng psd psb ai eps ps indd idml xcf sketch fig
    mp3 wav flac ogg oga opus m4a aac wma aif aiff mid midi amr
    mp4 m4v mov avi mkv webm wmv flv mpg mpeg m2ts 3gp ogv vob
    gz tgz bz2 tbz2 xz txz zst lz4 lzma lz z 7z rar tar cab cpio
    exe dll so dylib o a lib obj bin msi dmg pkg iso img deb rpm apk ipa appimage
    class jar war ear pyc pyo pyd whl egg wasm swf nupkg
    ppt pps potx ppsx pptm docm dotm xlsm xlsb xltx ods odp odg odf key pages numbers hwpx
    vsd vsdx pub one mpp msg pst ost mdb accdb xps oxps djvu chm hlp epub mobi azw azw3 fb2z ibooks
    parquet avro orc feather arrow pickle pkl npy npz h5 hdf5 mat rds rdata sav dta sas7bdat
    db sqlite sqlite3 dbf mdf ldf ibd onnx pth safetensors gguf tflite pb tfrecord
    ttf otf woff woff2 eot ttc blend fbx glb 3ds max dwg skp step stp stl shp shx
    p12 pfx jks keystore der
    crdownload swp
"""
UNSUPPORTED_EXTENSIONS: Final[frozenset[str]] = frozenset(_UNSUPPORTED.split())
"""Extensions of formats known not to be supported, in lower case, without their dot."""

# An extension has at least one letter, so the ".5" of "Chapter 1.5" is none.
_EXTENSION = re.compile(r"(?<=[^/])\.(?=[0-9_]*[A-Za-z])([A-Za-z0-9_]{1,16})\Z")


def extension_of(path: str) -> str:
    """The extension of the last segment of `path`, as written, without its dot; ``""`` without one.

    It follows the last dot (``gz`` for ``backup.tar.gz``); a leading dot begins no extension
    (``.bashrc``).
    """
    found = _EXTENSION.search(path)
    return found[1] if found else ""


def media_type_of(path: str) -> str | None:
    """The supported media type for the extension of `path`, in upper or lower case.

    None if the format is unsupported (see `is_unsupported`), or if the extension is missing or
    unknown, where the first bytes decide.
    """
    return EXTENSIONS.get(extension_of(path).lower())


def picture_type_of(path: str) -> str | None:
    """The media type of a picture, for the extension of `path`; None if it names none."""
    return PICTURE_EXTENSIONS.get(extension_of(path).lower())


def is_unsupported(path: str) -> bool:
    """Whether the extension of `path` belongs to a format that File Search does not support."""
    return extension_of(path).lower() in UNSUPPORTED_EXTENSIONS
