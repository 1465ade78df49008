import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { RouterProvider } from 'react-router/dom';
import { shouldRetry } from './api/hooks';
import { router } from './app/router';
import { SessionProvider } from './app/session';
import { applyTheme } from './app/theme';
import { I18nProvider } from './i18n/I18n';
import { ToastProvider } from './kit/Toast';
import './styles/tokens.css';
import './styles/base.css';
import './styles/kit.css';
import './styles/layout.css';
import './styles/areas.css';

applyTheme();
const client = new QueryClient({
  defaultOptions: { queries: { retry: shouldRetry, staleTime: 5000, refetchOnWindowFocus: true } },
});
const root = document.getElementById('root');
if (!root) {
  throw new Error('index.html has no #root.');
}
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <I18nProvider>
        <ToastProvider>
          <SessionProvider>
            <RouterProvider router={router} />
          </SessionProvider>
        </ToastProvider>
      </I18nProvider>
    </QueryClientProvider>
  </StrictMode>,
);
