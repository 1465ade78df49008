import { Route, Routes } from 'react-router';
import { WebhookPage } from './WebhookPage';
import { WebhooksPage } from './WebhooksPage';

export default function WebhooksArea() {
  return (
    <Routes>
      <Route index element={<WebhooksPage />} />
      <Route path=":id" element={<WebhookPage />} />
    </Routes>
  );
}
