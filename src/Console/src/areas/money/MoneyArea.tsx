import { Route, Routes } from 'react-router';
import { useI18n } from '../../i18n/I18n';
import { SubNav } from '../contacts/ContactsArea';
import { AuditsPage } from './AuditsPage';
import { ChargesPage } from './ChargesPage';
import { RateCardsPage } from './RateCardsPage';
import { StatementsPage } from './StatementsPage';
import { SubscriptionPage } from './SubscriptionPage';
import { TransactionPage } from './TransactionPage';
import { TransactionsPage } from './TransactionsPage';
import { WalletPage } from './WalletPage';

export function MoneyNav() {
  const { t } = useI18n();
  return (
    <SubNav
      links={[
        ['/money', t('money.wallet')],
        ['/money/transactions', t('money.transactions')],
        ['/money/statements', t('money.statements')],
        ['/money/charges', t('money.charges')],
        ['/money/subscription', t('money.subscription')],
        ['/money/rate-cards', t('money.rate_cards')],
        ['/money/audits', t('money.audits')],
      ]}
    />
  );
}

export default function MoneyArea() {
  return (
    <Routes>
      <Route index element={<WalletPage />} />
      <Route path="transactions" element={<TransactionsPage />} />
      <Route path="transactions/:id" element={<TransactionPage />} />
      <Route path="statements" element={<StatementsPage />} />
      <Route path="statements/:month" element={<StatementsPage />} />
      <Route path="charges" element={<ChargesPage />} />
      <Route path="subscription" element={<SubscriptionPage />} />
      <Route path="rate-cards" element={<RateCardsPage />} />
      <Route path="audits" element={<AuditsPage />} />
      <Route path="audits/:id" element={<AuditsPage />} />
    </Routes>
  );
}
