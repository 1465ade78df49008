import { useList } from '../../api/hooks';
import type { ContactList } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Select, TextField } from '../../kit/Field';
import type { TriggerForm as Form } from './options';

/** What makes the campaign send to somebody. */
export function TriggerForm({ trigger, onChange }: { trigger: Form; onChange: (trigger: Form) => void }) {
  const { t } = useI18n();
  const lists = useList<ContactList>('/v1/lists', { query: { limit: 200 } }, { enabled: trigger.on === 'list_joined' });
  const set = (name: keyof Form) => (event: { target: { value: string } }) =>
    onChange({ ...trigger, [name]: event.target.value });
  return (
    <div className="form-grid">
      <Select
        label={t('campaigns.trigger_on')}
        value={trigger.on}
        onChange={set('on')}
        choices={['api', 'tag_added', 'keyword', 'list_joined'].map(value => ({ value, label: t(`campaigns.trigger_${value}`) }))}
      />
      {trigger.on === 'tag_added' && (
        <TextField label={t('inbox.tag')} maxLength={50} value={trigger.tag} onChange={set('tag')} />
      )}
      {trigger.on === 'keyword' && (
        <TextField
          label={t('campaigns.keywords')}
          hint={t('audience.comma')}
          value={trigger.keywords}
          onChange={set('keywords')}
        />
      )}
      {trigger.on === 'list_joined' && (
        <Select
          label={t('campaigns.trigger_list')}
          value={trigger.listId}
          onChange={set('listId')}
          choices={[
            { value: '', label: t('common.choose') },
            ...lists.rows.filter(list => !list.filters).map(list => ({ value: list.id, label: list.name })),
          ]}
        />
      )}
      <TextField
        label={t('campaigns.cooldown')}
        hint={t('campaigns.cooldown_hint')}
        type="number"
        min={0}
        step="any"
        value={trigger.cooldown}
        onChange={set('cooldown')}
      />
    </div>
  );
}
