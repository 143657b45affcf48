#!/bin/sh
# usage: note_surface.sh NM HOOK OPENVINO OUTPUT
# Writes which symbols of OpenVINO's library a hook imports, one a line, each with its size if it
# is a table of virtual functions or type information, else 0. Also the tables of classes whose
# objects the hook gets from OpenVINO, and calls without naming their table.
set -eu
{
    "$1" -D --undefined-only "$2"
    echo "---"
    "$1" -D -S --defined-only "$3"
} | awk '
    $0 == "---" { defined = 1; next }
    !defined { imported[$NF] = 1; next }
    NF == 4 {
        is_table = $4 ~ /^_ZT[VIS]/
        is_called = $4 ~ /^_ZTVN2ov(4Node|5Model|16RuntimeAttribute|14ICompiledModel)E$/
        if ($4 in imported || is_called) print $4, is_table ? "0x" $2 : 0
    }' | while read -r name size; do
    echo "$name $((size))"
done | LC_ALL=C sort >"$4"
