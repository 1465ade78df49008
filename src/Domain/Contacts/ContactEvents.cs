using Bsp.Domain.Common;

namespace Bsp.Domain.Contacts;

/// <summary>A fact about a contact's consent or identity. The stream begins when something of the kind happens.</summary>
public abstract record ContactEvent;

/// <summary>Stored before proofs were sealed; no longer written.</summary>
/// <param name="Status"><c>OPTED_IN</c>, <c>OPTED_OUT</c> or <c>PENDING</c>.</param>
/// <param name="Source">Who says so: <c>api</c>, <c>keyword</c>, <c>user_preferences</c>, <c>meta_131050</c>, <c>import</c>, …</param>
/// <param name="Proof">What shows it (a form's address, a message id); null when there is none.</param>
[StoredAs("contact_consent_changed")]
public sealed record ContactConsentChanged(Guid ContactId, string Status, string Source, string? Proof, DateTimeOffset At) : ContactEvent;

/// <param name="Status"><c>OPTED_IN</c>, <c>OPTED_OUT</c> or <c>PENDING</c>.</param>
/// <param name="Source">Who says so: <c>api</c>, <c>keyword</c>, <c>user_preferences</c>, <c>meta_131050</c>, <c>import</c>, …</param>
/// <param name="Proof">Sealed text that shows it (a form's address, a message id); null when there is none.</param>
[StoredAs("contact_consent_changed_v2")]
public sealed record ContactConsentChangedV2(Guid ContactId, string Status, string Source, Sealed? Proof, DateTimeOffset At) : ContactEvent;

/// <summary>The contact is reached by another phone number or user id from now on.</summary>
/// <param name="Source"><c>user_changed_number</c>, <c>user_changed_user_id</c> or <c>user_id_update</c>, as Meta calls it.</param>
/// <param name="Proof">The message's or webhook's id: the same news twice is told once.</param>
/// <param name="Identity">Sealed JSON of phone_number and wa_user_id before and after.</param>
/// <param name="SaidAt">When it happened, by Meta's clock; null: told before that was kept.</param>
[StoredAs("contact_identity_changed")]
public sealed record ContactIdentityChanged(Guid ContactId, string Source, string Proof, Sealed Identity, DateTimeOffset At,
    DateTimeOffset? SaidAt = null) : ContactEvent;

/// <summary>
/// Meta's word that the contact is reached by another phone number or user id came after a later one: it is kept, and nothing was changed.
/// </summary>
/// <param name="Source">As <see cref="ContactIdentityChanged.Source"/>.</param>
/// <param name="Proof">The message's or webhook's id: the same news twice is told once.</param>
/// <param name="Identity">Sealed JSON of phone_number and wa_user_id as they are (before) and as the old news says (after).</param>
/// <param name="SaidAt">When it happened, by Meta's clock.</param>
[StoredAs("contact_identity_news_outdated")]
public sealed record ContactIdentityNewsOutdated(Guid ContactId, string Source, string Proof, Sealed Identity, DateTimeOffset At,
    DateTimeOffset SaidAt) : ContactEvent;

/// <summary>In the surviving contact's stream: another contact turned out to be the same person and became part of this one.</summary>
/// <param name="Source"><c>api</c>, or what showed it: <c>webhook</c>, <c>user_changed_number</c>, …</param>
[StoredAs("contact_merged")]
public sealed record ContactMerged(Guid ContactId, Guid AbsorbedId, string Source, DateTimeOffset At) : ContactEvent;

/// <summary>In the absorbed contact's stream: it answers as another one from now on.</summary>
[StoredAs("contact_absorbed")]
public sealed record ContactAbsorbed(Guid ContactId, Guid IntoId, DateTimeOffset At) : ContactEvent;

/// <summary>The person's data is gone: keys destroyed, row deleted. What happened, when and how often stays in the log.</summary>
/// <param name="ContactIds">The contact and all that were merged into it.</param>
[StoredAs("contact_erased")]
public sealed record ContactErased(Guid ContactId, IReadOnlyList<Guid> ContactIds, DateTimeOffset At) : ContactEvent;

/// <summary>A file of contacts was taken in. One event for the file: consent of its rows rests on its proof.</summary>
/// <param name="FileSha256">Hex SHA-256 of the bytes received.</param>
[StoredAs("contacts_imported")]
public sealed record ContactsImported(Guid ImportId, string Source, string? Proof, string FileSha256, int Total, int Created, int Updated,
    int Rejected, DateTimeOffset At) : ContactEvent;
