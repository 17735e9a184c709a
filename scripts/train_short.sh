#!/usr/bin/env bash
# One short real training on a CPU, as a user would do it: tiles cut of the synthetic scene, a model trained on
# them, and a map of another scene with that model. Everything lies under demo/training/.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
out=$root/demo/training
cli=$root/.venv/bin/mce-landcover
say() { printf '==> %s\n' "$*"; }
begun=$SECONDS

if [ -f "$out/tiles/tiles.json" ]; then say "the tiles are there"; else
  say "making a synthetic scene (1 km x 1 km, seed 101) and cutting it to tiles of 64 m"
  "$cli" make-scene "$out/scene" --size 1000 --seed 101 --overwrite
  "$cli" prepare-tiles --image "$out/scene/image.tif" --dem "$out/scene/dem.tif" --labels "$out/scene/labels.tif" \
    --tile 128 --name "short training on a synthetic scene" --output "$out/tiles"
fi

say "training 600 steps; rare classes are drawn as often as frequent ones"
"$cli" train --config "$out/tiles" --output "$out/model.safetensors" --epochs 3 --device cpu \
  --set load.patches=1600 --set load.balanced=0.9 \
  --set model.architecture.encoder_depth=4 --set optimizer.lr=2e-3

say "mapping a scene that it has not seen (seed 7)"
[ -f "$out/unseen/labels.tif" ] || "$cli" make-scene "$out/unseen" --size 300 --seed 7 --overwrite
"$cli" predict --image "$out/unseen/image.tif" --dem "$out/unseen/dem.tif" --model "$out/model.safetensors" \
  --output "$out/run" --overwrite
"$cli" overview "$out/run" --output "$out/overview.png"
say "done in $((SECONDS - begun)) s; delete demo/training to start anew"
