import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { call } from '../../api/client';
import type { Campaign, Progress } from '../../api/types';
import { useSession } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Button } from '../../kit/Button';
import { Confirm } from '../../kit/Dialog';
import { TextField } from '../../kit/Field';
import { Fault } from '../../kit/Page';
import { useToasts } from '../../kit/Toast';

type Verb = 'pause' | 'resume' | 'cancel' | 'retry';

const VERBS: Record<string, readonly Verb[]> = {
  RUNNING: ['pause', 'cancel'],
  PAUSED: ['resume', 'cancel'],
  SCHEDULED: ['cancel'],
  COMPLETED: ['retry'],
  CANCELLED: ['retry'],
};

export function CampaignActions({ campaign, progress }: { campaign: Campaign; progress: Progress | null }) {
  const { t } = useI18n();
  const { can } = useSession();
  const { say } = useToasts();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [asked, setAsked] = useState<Verb | null>(null);
  const [reason, setReason] = useState('');
  const act = useMutation({
    mutationFn: (verb: Verb) =>
      call<Campaign>(
        'POST',
        `/v1/campaigns/{id}/${verb}`,
        verb === 'pause' || verb === 'cancel' ? { reason: reason.trim() || null } : null,
        { path: { id: campaign.id } },
      ),
    onSuccess: async (made, verb) => {
      setAsked(null);
      setReason('');
      say(t(`campaigns.done_${verb}`));
      if (verb === 'retry') {
        await navigate(`/campaigns/${made.id}/edit`);
      }
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['/v1/campaigns/{id}'] }),
  });
  if (!can('manager')) {
    return null;
  }
  const failed = progress?.failed ?? campaign.failed_count;
  const verbs = (VERBS[campaign.status] ?? []).filter(verb => verb !== 'retry' || failed > 0);
  return (
    <>
      {(campaign.status === 'DRAFT' || campaign.status === 'SCHEDULED') && (
        <Link className="button" to={`/campaigns/${campaign.id}/edit`}>
          {t('common.edit')}
        </Link>
      )}
      {verbs.map(verb => (
        <Button
          key={verb}
          look={verb === 'resume' ? 'primary' : verb === 'cancel' ? 'quiet' : 'plain'}
          onClick={() => setAsked(verb)}
        >
          {t(`campaigns.${verb}`)}
        </Button>
      ))}
      {asked && (
        <Confirm
          title={t(`campaigns.${asked}`)}
          text={t(`campaigns.ask_${asked}`)}
          action={t(`campaigns.${asked}`)}
          danger={asked === 'cancel'}
          busy={act.isPending}
          error={<Fault fault={act.error} />}
          onConfirm={() => act.mutate(asked)}
          onClose={() => {
            setAsked(null);
            act.reset();
          }}
        >
          {(asked === 'pause' || asked === 'cancel') && (
            <TextField
              label={t('campaigns.reason')}
              value={reason}
              maxLength={200}
              onChange={event => setReason(event.target.value)}
            />
          )}
        </Confirm>
      )}
    </>
  );
}
