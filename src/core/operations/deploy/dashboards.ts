/** A panel: what it shows, by which expressions, and in which unit of Grafana. */
interface Panel {
  readonly title: string;
  readonly unit: string;
  /** By the name of each line, in Grafana's form. */
  readonly lines: Readonly<Record<string, string>>;
  readonly description?: string;
}

interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
}

const OURS = 'job="roble",instance=~"$instance"';
const DISK = 'job="node",fstype!~"tmpfs|overlay|squashfs"';

const SERVICE: Dashboard = {
  uid: 'roble-service',
  title: 'Service',
  panels: [
    { title: 'APIs that answer', unit: 'none', lines: { '{{instance}}': `up{${OURS}}` } },
    {
      title: 'Requests',
      unit: 'reqps',
      lines: { '{{status}}': `sum by (status) (rate(roble_requests_total{${OURS}}[$__rate_interval]))` },
    },
    {
      title: 'Share of failures (5xx)',
      unit: 'percentunit',
      lines: {
        failed: `sum(rate(roble_requests_total{${OURS},status=~"5.."}[$__rate_interval])) / sum(rate(roble_requests_total{${OURS}}[$__rate_interval])) or vector(0)`,
      },
    },
    {
      title: 'Latency of /predict',
      unit: 's',
      lines: Object.fromEntries(
        [0.5, 0.9, 0.99].map((quantile) => [
          `p${quantile * 100}`,
          `histogram_quantile(${quantile}, sum by (le) (rate(roble_request_duration_seconds_bucket{${OURS},route="/predict"}[$__rate_interval])))`,
        ]),
      ),
    },
    {
      title: 'Where the time of an image goes',
      unit: 's',
      lines: {
        '{{stage}}': `sum by (stage) (rate(roble_image_stage_duration_seconds_sum{${OURS}}[$__rate_interval])) / sum by (stage) (rate(roble_image_stage_duration_seconds_count{${OURS}}[$__rate_interval]))`,
      },
    },
    {
      title: 'Images by source of the answer',
      unit: 'ops',
      lines: { '{{source}}': `sum by (source) (rate(roble_images_total{${OURS}}[$__rate_interval]))` },
    },
    {
      title: 'Wait of an image that comes now',
      unit: 's',
      description: 'Where it stays above half a second, requests get 429.',
      lines: { '{{instance}}': `roble_queue_wait_seconds{${OURS}}` },
    },
    {
      title: 'Overload',
      unit: 'percentunit',
      description:
        'Time in which requests get 429 so that the others need not wait long, and images in flight as a share of those allowed.',
      lines: {
        'overloaded {{instance}}': `avg_over_time(roble_overloaded{${OURS}}[$__rate_interval])`,
        'in flight {{instance}}': `roble_images_in_hand{${OURS}} / roble_images_in_hand_limit{${OURS}}`,
      },
    },
    {
      title: 'Images in a batch, on average',
      unit: 'none',
      lines: {
        '{{instance}}': `rate(roble_batch_size_images_sum{${OURS}}[$__rate_interval]) / rate(roble_batch_size_images_count{${OURS}}[$__rate_interval])`,
      },
    },
    {
      title: 'Refused requests',
      unit: 'reqps',
      lines: { '{{code}}': `sum by (code) (rate(roble_requests_refused_total{${OURS}}[$__rate_interval]))` },
    },
    {
      title: 'Inference processes',
      unit: 'none',
      lines: {
        'ready {{instance}}': `sum by (instance) (roble_workers_ready{${OURS}})`,
        'restarts in 10 min {{instance}}': `increase(roble_worker_restarts_total{${OURS}}[10m])`,
      },
    },
    {
      title: 'Redis: circuit breaker open',
      unit: 'none',
      lines: { '{{instance}}': `roble_cache_redis_breaker{${OURS},state="open"}` },
    },
    {
      title: 'Log of predictions',
      unit: 'none',
      lines: {
        'written a second': `sum(rate(roble_prediction_log_written_total{${OURS}}[$__rate_interval]))`,
        waiting: `sum(roble_prediction_log_queued{${OURS}})`,
        dropped: `sum(increase(roble_prediction_log_dropped_total{${OURS}}[$__rate_interval]))`,
      },
    },
  ],
};

const MODEL: Dashboard = {
  uid: 'roble-model',
  title: 'Model',
  panels: [
    {
      title: 'Versions in service',
      unit: 'none',
      lines: {
        '{{model}} {{version}} ({{role}})': `sum by (model, version, role) (roble_model_info{${OURS}})`,
      },
    },
    {
      title: 'Images by version',
      unit: 'ops',
      lines: {
        '{{model}} {{version}}': `sum by (model, version) (rate(roble_images_total{${OURS}}[$__rate_interval]))`,
      },
    },
    {
      title: 'Drift (population stability index)',
      unit: 'none',
      description: 'From 0.1 moderate, from 0.25 large; no more than twice what chance gives means nothing.',
      lines: {
        '{{of}} {{instance}}': `roble_drift_psi{${OURS}}`,
        'by chance: {{of}} {{instance}}': `roble_drift_psi_by_chance{${OURS}}`,
      },
    },
    {
      title: 'Drift (largest distance of the distributions)',
      unit: 'percentunit',
      lines: { '{{of}} {{instance}}': `roble_drift_ks{${OURS}}` },
    },
    {
      title: 'Answers that drift is measured over',
      unit: 'none',
      lines: { '{{instance}}': `roble_drift_answers{${OURS}}` },
    },
    {
      title: 'Changes of the model',
      unit: 'none',
      lines: { '{{result}} {{instance}}': `increase(roble_model_changes_total{${OURS}}[1h])` },
    },
    {
      title: 'Age of the model',
      unit: 's',
      lines: { '{{model}} {{instance}}': `time() - roble_model_loaded_timestamp_seconds{${OURS}}` },
    },
  ],
};

const MACHINE: Dashboard = {
  uid: 'roble-machine',
  title: 'Machine',
  panels: [
    {
      title: 'Processors at work',
      unit: 'percentunit',
      lines: { busy: '1 - avg(rate(node_cpu_seconds_total{job="node",mode="idle"}[$__rate_interval]))' },
    },
    { title: 'Load', unit: 'none', lines: { 'over 1 min': 'node_load1{job="node"}' } },
    {
      title: 'Memory that is left',
      unit: 'percentunit',
      lines: {
        available: 'node_memory_MemAvailable_bytes{job="node"} / node_memory_MemTotal_bytes{job="node"}',
      },
    },
    {
      title: 'Disks: space that is left',
      unit: 'percentunit',
      lines: {
        '{{mountpoint}}': `node_filesystem_avail_bytes{${DISK}} / node_filesystem_size_bytes{${DISK}}`,
      },
    },
    {
      title: 'Disks: reading and writing',
      unit: 'Bps',
      lines: {
        'read {{device}}': 'rate(node_disk_read_bytes_total{job="node"}[$__rate_interval])',
        'write {{device}}': 'rate(node_disk_written_bytes_total{job="node"}[$__rate_interval])',
      },
    },
    {
      title: 'Network',
      unit: 'Bps',
      lines: {
        'in {{device}}': 'rate(node_network_receive_bytes_total{job="node"}[$__rate_interval])',
        'out {{device}}': 'rate(node_network_transmit_bytes_total{job="node"}[$__rate_interval])',
      },
    },
    {
      title: 'Memory of the APIs',
      unit: 'bytes',
      lines: { '{{instance}}': `process_resident_memory_bytes{${OURS}}` },
    },
    {
      title: 'Processor of the APIs',
      unit: 'percentunit',
      lines: { '{{instance}}': `rate(process_cpu_seconds_total{${OURS}}[$__rate_interval])` },
    },
    {
      title: 'Main thread is late by',
      unit: 's',
      lines: { '{{statistic}} {{instance}}': `roble_event_loop_lag_seconds{${OURS}}` },
    },
    {
      title: 'Age of the last backup',
      unit: 's',
      lines: { age: 'time() - roble_backup_timestamp_seconds' },
    },
  ],
};

const DASHBOARDS = { service: SERVICE, model: MODEL, machine: MACHINE };
const WIDTH = 12;
const HEIGHT = 8;

/** The dashboards as Grafana reads them, by the name of their file. */
export function dashboardFiles(): [name: string, content: string][] {
  return Object.entries(DASHBOARDS).map(([name, dashboard]) => [
    `grafana/dashboards/${name}.json`,
    `${JSON.stringify(grafanaDashboard(dashboard), null, 2)}\n`,
  ]);
}

function grafanaDashboard({ uid, title, panels }: Dashboard) {
  const datasource = { type: 'prometheus', uid: 'prometheus' };
  return {
    uid,
    title,
    tags: ['roble'],
    timezone: 'browser',
    schemaVersion: 39,
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    templating: {
      list: [
        {
          name: 'instance',
          label: 'API',
          type: 'query',
          datasource,
          query: { query: 'label_values(up{job="roble"}, instance)', refId: 'instance' },
          refresh: 2,
          multi: true,
          includeAll: true,
          allValue: '.*',
          current: { text: 'All', value: '$__all' },
        },
      ],
    },
    links: [{ type: 'dashboards', tags: ['roble'], title: 'roble', asDropdown: true, keepTime: true }],
    panels: panels.map((panel, i) => ({
      id: i + 1,
      type: 'timeseries',
      title: panel.title,
      ...(panel.description && { description: panel.description }),
      datasource,
      gridPos: { x: (i % 2) * WIDTH, y: Math.floor(i / 2) * HEIGHT, w: WIDTH, h: HEIGHT },
      fieldConfig: { defaults: { unit: panel.unit, min: 0 }, overrides: [] },
      options: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi' } },
      targets: Object.entries(panel.lines).map(([legendFormat, expr], line) => ({
        refId: String.fromCharCode(65 + line),
        datasource,
        expr,
        legendFormat,
      })),
    })),
  };
}
