import type { components } from './schema';

type S = components['schemas'];

export type Schema<K extends keyof S> = S[K];
export type Campaign = S['CampaignResponse'];
export type Progress = S['CampaignProgress'];
export type Forecast = S['CampaignForecast'];
export type Recipient = S['Recipient'];
export type Fact = S['StoredFact'];
export type Conversation = S['ConversationResponse'];
export type Message = S['MessageResponse'];
export type Note = S['ConversationNote'];
export type Canned = S['CannedReplyView'];
export type Contact = S['ContactView'];
export type ContactList = S['ListView'];
export type Import = S['ImportView'];
export type Template = S['TemplateView'];
export type Account = S['AccountResponse'];
export type User = S['UserResponse'];
export type Organization = S['OrganizationResponse'];
export type Wallet = S['WalletView'];
export type Transaction = S['TransactionView'];
export type Charge = S['ChargeView'];
export type LedgerAudit = S['LedgerAuditView'];
export type Webhook = S['WebhookView'];
export type Delivery = S['DeliveryView'];
export type ApiKey = S['ApiKeyResponse'];
export type Projection = S['ProjectionView'];
export type Team = S['TeamView'];

/** A page of a list. */
export interface Page<T> {
  data: T[];
  next_cursor: string | null;
}

/** What the document calls any JSON. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
