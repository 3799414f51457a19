import { defineConfig } from 'vite'

// Relative addresses: the page also works behind a proxy that serves it below a path.
export default defineConfig({
  base: './',
  resolve: {
    alias: { xmlbuilder2: new URL('./src/viewer/no_xml.ts', import.meta.url).pathname },
  },
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    outDir: '../service/static',
    emptyOutDir: true,
    assetsInlineLimit: 0, // the gateway's content security policy allows no inline scripts
    chunkSizeWarningLimit: 4000, // Cornerstone3D, loaded when the first job is opened
    license: { fileName: 'licences.txt' },
  },
  server: {
    proxy: { '/v1': { target: 'http://127.0.0.1:8000', changeOrigin: true } },
  },
})
