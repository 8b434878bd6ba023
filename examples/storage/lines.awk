# Counts the lines of the protocol's code: without tests, comments and empty lines, imports, and what is
# there for mutants alone.
#
#   cd examples/storage/src; awk -f ../lines.awk client.rs newest.rs numbers.rs signature.rs limits.rs store.rs database.rs

FNR == 1 { tests = imports = test = block = 0 }
/^#\[cfg\(test\)\]/ { test = 1; next }
test { test = 0; if (/;$/) next; tests = 1 }
tests || /^ *($|\/\/)/ { next }
/^use / { imports = 1 }
imports { if (/;$/) imports = 0; next }
# A block that only a mutant enters.
/^ *if [a-z0-9_.()]*mutation\.is\([A-Za-z:]*\) \{$/ { match($0, /^ */); block = RLENGTH; next }
block { match($0, /^ */); if (RLENGTH == block) block = 0; next }
/[Mm]utant|[Mm]utation|previous/ { next }
{ lines[FILENAME]++; all++ }
END {
    for (file in lines) printf "%4d %s\n", lines[file], file | "sort -k 2"
    close("sort -k 2")
    printf "%4d in all\n", all
}
