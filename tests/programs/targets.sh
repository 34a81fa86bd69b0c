#!/usr/bin/env bash
# The default recipe makes of faces what its target says: the held-out encoder, which no training saw, puts the target first among
# all texts of targets.json for at least 80% of 200 samples. A few minutes.
. "$(dirname "$0")/lib.sh" "$@"
while IFS='|' read -r name text; do
  succeed adapt --target "$text" --out "$name"
  "$programs/rank" --generator "$name/adapted.safetensors" --expect "$name" --least 0.8 || fail "$name"
done << 'END'
sketch|a pencil sketch of a cartoon portrait
zombie|a zombie
devil|a devil
alien|a blue alien
neon|a neon sign of a cartoon portrait
watercolor|a watercolor of a cartoon portrait
END
finish
