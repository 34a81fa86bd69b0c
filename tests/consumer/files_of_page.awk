# awk -v folder=DIR -f files_of_page.awk page.md: writes each block of the page that stands under a line "`name`:" as the
# file DIR/name. A block has 40 lines at most.
/^`[A-Za-z_.]+`:/ { split($0, part, "`"); name = folder "/" part[2]; next }
/^```/ {
  if (on) { on = 0; close(name); name = ""; next }
  if (name != "") { on = 1; lines = 0; next }
}
on {
  print > name
  if (++lines > 40) { print name " has more than 40 lines" > "/dev/stderr"; exit 1 }
}
