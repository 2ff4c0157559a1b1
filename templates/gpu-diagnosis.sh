#!/bin/sh
# What stands between this machine and its GPU: the checks of "roble gpu:setup", for a machine without roble.
# It changes nothing. Run it, and send what it prints:   sh gpu-diagnosis.sh [ROOT]
# ROOT: folder in place of /, for a tree that was copied from another machine.
root="${1:-}"
failed=0

say() { printf '%-9s %s: %s\n' "$1" "$2" "$3"; }
advise() { printf '          -> %s\n' "$1"; }
fail() { say failed "$1" "$2"; failed=$((failed + 1)); }

echo "Machine: $(uname -srm), $(grep -m1 'model name' "$root/proc/cpuinfo" 2>/dev/null | cut -d: -f2- | sed 's/^ *//')"
where=''
[ -d "$root/kaggle/working" ] && where="$where Kaggle"
[ -n "${COLAB_RELEASE_TAG:-}" ] && [ -z "${KAGGLE_URL_BASE:-}" ] && where="$where Colab"
[ -e "$root/run/.containerenv" ] && where="$where Podman"
[ -e "$root/.dockerenv" ] && where="$where Docker"
[ -n "${KUBERNETES_SERVICE_HOST:-}" ] && where="$where Kubernetes"
[ -n "${SLURM_JOB_ID:-}" ] && where="$where Slurm"
grep -qi microsoft "$root/proc/sys/kernel/osrelease" 2>/dev/null && where="$where WSL2"
echo "Where:${where:- a machine of its own}"

nvidia=0
for device in "$root"/sys/bus/pci/devices/*; do
  [ -r "$device/class" ] || continue
  case "$(cat "$device/class")" in
    0x03*) ;;
    *) continue ;;
  esac
  vendor="$(cat "$device/vendor")"
  say ok 'GPU on the bus' "vendor $vendor at $(basename "$device")"
  [ "$vendor" = 0x10de ] && nvidia=1
done
[ -e "$root/dev/nvidia0" ] && nvidia=1

if [ "$nvidia" = 0 ]; then
  say '-' 'GPU of NVIDIA' 'none to be seen from here'
else
  if [ -r "$root/proc/driver/nvidia/version" ]; then
    say ok 'Driver' "$(head -n1 "$root/proc/driver/nvidia/version")"
  elif [ -d "$root/sys/module/nouveau" ]; then
    fail 'Driver' 'nouveau holds the GPU, which cannot compute'
    advise "Install NVIDIA's driver, which keeps nouveau away, and reboot."
  else
    fail 'Driver' 'an NVIDIA GPU, and no driver for it'
    advise "Install NVIDIA's driver and reboot; with Secure Boot, enrol the key of the module."
  fi
  case "$where" in
    *Docker* | *Podman* | *Kubernetes*)
      if [ ! -e "$root/dev/nvidia0" ]; then
        fail 'Container' 'the host has a GPU, and this container has none'
        advise 'docker run --gpus all; podman run --device nvidia.com/gpu=all; Kubernetes: nvidia.com/gpu: 1'
      fi
      ;;
  esac
  for name in CUDA_VISIBLE_DEVICES NVIDIA_VISIBLE_DEVICES; do
    eval "set=\${$name+set} value=\${$name:-}"
    if [ "$set" = set ]; then
      case "$value" in
        '' | -1 | void | none)
          fail 'Variables' "$name=\"$value\" hides every GPU"
          advise "unset $name"
          ;;
      esac
    fi
  done
  libraries="$(/sbin/ldconfig -p 2>/dev/null)"
  for library in libcudart.so.12 libcublas.so.12 libcufft.so.11 libcudnn.so.9; do
    case "$libraries" in
      *"$library"*) ;;
      *) say warning 'CUDA' "$library is not found; the device cuda needs it, webgpu does not" ;;
    esac
  done
  if command -v nvidia-smi > /dev/null 2>&1; then
    if answer="$(nvidia-smi --query-gpu=index,name,driver_version,memory.total,memory.free,temperature.gpu --format=csv 2>&1)"; then
      echo "$answer"
    else
      fail 'nvidia-smi' "$answer"
      case "$answer" in
        *'version mismatch'*) advise 'Reboot, or load the modules again; in a container remove its own libnvidia-ml.' ;;
        *'Unknown Error'*) advise 'Restart the container; give it the GPU by CDI.' ;;
      esac
    fi
  fi
  if dmesg 2>/dev/null | grep -E 'NVRM: Xid .*: (48|63|64|79),'; then
    fail 'Health' 'the kernel tells of errors after which the GPU cannot be trusted'
    advise 'Take the machine out of use, reset or replace the GPU.'
  fi
fi

icds="$(ls "$root"/usr/share/vulkan/icd.d/*.json "$root"/etc/vulkan/icd.d/*.json 2>/dev/null)"
if [ -n "$icds" ]; then say ok 'Vulkan drivers' "$(echo "$icds" | tr '\n' ' ')"; else say '-' 'Vulkan drivers' none; fi
for node in "$root"/dev/dri/renderD*; do
  [ -e "$node" ] || continue
  if [ -r "$node" ] && [ -w "$node" ]; then say ok 'Access' "$node"; else
    say warning 'Access' "no access to $node"
    advise 'sudo usermod -aG render,video $USER, and log in again'
  fi
done

echo "$failed checks failed"
[ "$failed" = 0 ]
