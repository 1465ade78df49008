import { Route, Routes } from 'react-router';
import { TemplateEditor } from './TemplateEditor';
import { TemplatePage } from './TemplatePage';
import { TemplatesPage } from './TemplatesPage';

export default function TemplatesArea() {
  return (
    <Routes>
      <Route index element={<TemplatesPage />} />
      <Route path="new" element={<TemplateEditor />} />
      <Route path=":id" element={<TemplatePage />} />
      <Route path=":id/edit" element={<TemplateEditor />} />
    </Routes>
  );
}
