import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// The API serves the result below /console/. Nothing may be inlined: the page's policy allows files of its own origin only.
export default defineConfig({
  base: '/console/',
  plugins: [react()],
  build: {
    outDir: process.env.CONSOLE_OUT ?? '../Api/wwwroot/console',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
    reportCompressedSize: false,
  },
  server: { proxy: { '/v1': process.env.BSP ?? 'http://127.0.0.1:8080' } },
  test: { environment: 'node', include: ['src/**/*.test.ts'] },
});
