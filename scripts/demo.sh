#!/usr/bin/env bash
# The main job, as a user would run it headless: qgis_process maps the embedded scene with the embedded model,
# in a QGIS profile of its own under demo/, then one overview picture is drawn.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
out=$root/demo
cli=$root/.venv/bin/mce-landcover

# QGIS takes the first python3 on the PATH for its own: a pyenv or an active environment makes it crash.
export PATH=/usr/bin:$PATH
export QT_QPA_PLATFORM=offscreen
export QGIS_CUSTOM_CONFIG_PATH=$out/profile
export MCE_LANDCOVER_PYTHON=$root/.venv/bin/python
say() { printf '==> %s\n' "$*"; }

plugins=$QGIS_CUSTOM_CONFIG_PATH/profiles/default/python/plugins
mkdir -p "$plugins"
ln -sfn "$root" "$plugins/mce_landcover"

if [ -f "$out/scene/labels.tif" ]; then say "the embedded scene is there"; else
  say "making the embedded scene (synthetic, 1 km x 1 km, seed 7)"
  "$cli" make-scene "$out/scene" --size 1000 --seed 7 --overwrite
fi

say "enabling the plugin in a profile of its own"
qgis_process plugins enable mce_landcover >/dev/null

if [ -f "$out/run/run.json" ] && [ "$out/run/run.json" -nt "$root/resources/models/demo.safetensors" ] && [ "$out/run/run.json" -nt "$out/scene/labels.tif" ]; then
  say "the map is there (delete demo/ to start anew)"
else
  say "mapping: qgis_process run mce:predict"
  qgis_process run mce:predict -- IMAGE="$out/scene/image.tif" DEM="$out/scene/dem.tif" OUTPUT_DIR="$out/run" OVERWRITE=true
fi

say "drawing the overview"
"$cli" overview "$out/run" --output "$out/overview.png"

say "written:"
ls -lh "$out"/scene/*.tif "$out"/run/*.tif "$out/run/run.json" "$out/overview.png" | awk '{print "    " $5 "\t" $9}'
