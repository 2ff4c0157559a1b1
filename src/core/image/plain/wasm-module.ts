import { readFileSync } from 'node:fs';

/** The part of the global that is used here; TypeScript declares it among what browsers have. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: object };
};

/** What each module has besides its functions. */
export interface WasmModule {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
}

/**
 * A new instance of a module that `npm run build` made of `wasm/NAME.ts`, with memory of its own.
 *
 * @returns its functions, as that file describes them
 */
export function openWasm<Functions>(name: string): Functions & WasmModule {
  const file = readFileSync(new URL(`./wasm/${name}.wasm`, import.meta.url));
  return new WebAssembly.Instance(new WebAssembly.Module(file)).exports as Functions & WasmModule;
}
