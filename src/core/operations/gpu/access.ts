import { type Check, failed, hasNvidia, ok, skipped, warning } from './finding.js';

const MASKS = ['CUDA_VISIBLE_DEVICES', 'NVIDIA_VISIBLE_DEVICES'] as const;

export const ACCESS_CHECKS: readonly Check[] = [
  {
    id: 'container',
    title: 'The container has the GPU',
    async run({ environment, nvidiaDevices, pciGpus, view }) {
      if (!environment.container) return skipped('not in a container');
      if (nvidiaDevices.length > 0) return ok(nvidiaDevices.join(', '));
      if (await view.exists('/dev/dxg')) return ok('/dev/dxg');
      if (!pciGpus.some(({ vendor }) => vendor === 'NVIDIA')) return skipped('no NVIDIA GPU to be seen');
      return environment.container === 'Kubernetes'
        ? failed(
            'the node has an NVIDIA GPU, and this pod has none',
            'Ask for it: resources.limits: nvidia.com/gpu: 1, and see that the device plugin of NVIDIA runs on the node.',
          )
        : failed(
            'the host has an NVIDIA GPU, and this container has none',
            `Start it with it: ${environment.container === 'Podman' ? 'podman run --device nvidia.com/gpu=all' : 'docker run --gpus all'}.`,
            'If that says "could not select device driver", install nvidia-container-toolkit on the host.',
          );
    },
  },
  {
    id: 'masked',
    title: 'No variable hides the GPU',
    async run(facts) {
      if (!hasNvidia(facts)) return skipped('no NVIDIA GPU');
      const hiding = MASKS.filter((name) => {
        const value = facts.view.env[name];
        return value !== undefined && ['', '-1', 'void', 'none', 'NoDevFiles'].includes(value.trim());
      });
      if (hiding.length === 0)
        return ok(MASKS.map((name) => `${name}=${facts.view.env[name] ?? '(not set)'}`).join(', '));
      return failed(
        `${hiding.map((name) => `${name}="${facts.view.env[name]}"`).join(', ')} hides every GPU`,
        `Unset it: unset ${hiding.join(' ')}${facts.environment.slurmJob ? '; under Slurm, ask for one: --gres=gpu:1' : ''}.`,
      );
    },
  },
  {
    id: 'permissions',
    title: 'This user may use the GPU',
    async run({ view }) {
      const nodes = (await view.list('/dev/dri')).filter((name) => name.startsWith('renderD'));
      if (nodes.length === 0) return skipped('no /dev/dri/renderD*');
      const closed: string[] = [];
      for (const name of nodes)
        if (!(await view.isAccessible(`/dev/dri/${name}`))) closed.push(`/dev/dri/${name}`);
      if (closed.length === 0) return ok(nodes.map((name) => `/dev/dri/${name}`).join(', '));
      return warning(
        `no access to ${closed.join(', ')}, which WebGPU needs`,
        'Join the groups of these files and log in again: sudo usermod -aG render,video $USER.',
      );
    },
  },
];
