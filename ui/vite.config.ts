import { defineConfig } from 'vite'

// Relative addresses: the page also works behind a proxy that serves it below a path.
export default defineConfig({
  base: './',
  resolve: {
    alias: { zarrita: new URL('./src/viewer/no-zarr.ts', import.meta.url).pathname },
  },
  build: {
    target: 'es2022',
    outDir: '../service/static',
    emptyOutDir: true,
    assetsInlineLimit: 0, // the gateway's content security policy allows no inline scripts
    chunkSizeWarningLimit: 1000, // NiiVue, loaded when the first job is opened
    license: { fileName: 'licences.txt' },
  },
  server: {
    proxy: { '/v1': { target: 'http://127.0.0.1:8000', changeOrigin: true } },
  },
})
