// A load test of "roble serve" for k6 (https://k6.io), where several machines or a dashboard of load tests are wanted;
// "roble serve:bench" does the same without another program.
//
//   k6 run --env URL=http://127.0.0.1:8080 --env IMAGE=./picture.png --env RATE=1000 predict.js
//
// Requests come at a constant rate, whatever the server does, as those of users do. The run fails (exit code 99) when a
// threshold is missed. k6 counts a request's time from its sending; what it could not send in time is counted apart, as
// dropped_iterations, so that one must be 0 for the latencies to mean anything.
//
// With IMAGE every request is the same picture, which the server answers from its cache. Without it, each request is
// another picture, as numbers in the shape of the model.
import { check } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';

const ADDRESS = __ENV.URL || 'http://127.0.0.1:8080';
const RATE = Number(__ENV.RATE || 1000);
const KEY = __ENV.API_KEY;
const image = __ENV.IMAGE ? open(__ENV.IMAGE, 'b') : undefined;

export const options = {
  scenarios: {
    predict: {
      executor: 'constant-arrival-rate',
      rate: RATE,
      timeUnit: '1s',
      duration: __ENV.DURATION || '30s',
      preAllocatedVUs: Math.min(1000, RATE),
      maxVUs: 2000,
    },
  },
  thresholds: {
    http_req_failed: ['rate==0'],
    'http_req_duration{name:predict}': [`p(99)<${__ENV.MAX_P99 || 50}`],
    dropped_iterations: ['count==0'],
    checks: ['rate==1'],
  },
};

const headers = KEY ? { authorization: `Bearer ${KEY}` } : {};

/** What the server serves; fails here, before any load, when there is none. */
export function setup() {
  const response = http.get(`${ADDRESS}/stats`, { headers });
  if (response.status !== 200) exec.test.abort(`No roble server answers at ${ADDRESS}: ${response.status}`);
  return response.json('model.input');
}

export default function (input) {
  const response = http.post(`${ADDRESS}/predict`, image || pixels(input), {
    headers: { ...headers, 'content-type': image ? 'image/png' : 'application/json' },
    tags: { name: 'predict' },
  });
  check(response, {
    'is answered': ({ status }) => status === 200,
    'names a class': (answer) => answer.status === 200 && typeof answer.json('predictions.0.label') === 'string',
  });
}

/** Another picture for each request: its number, written into the first pixels, then noise. */
function pixels({ height, width, channels }) {
  const number = exec.scenario.iterationInTest;
  const values = Array.from({ length: height * width * channels }, (_, i) =>
    i < 4 ? Math.floor(number / 256 ** i) % 256 : Math.floor(Math.random() * 256),
  );
  return JSON.stringify({ pixels: values });
}
