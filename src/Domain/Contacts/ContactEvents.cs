using Bsp.Domain.Common;

namespace Bsp.Domain.Contacts;

/// <summary>A fact about a contact's consent or identity. The stream begins when something of the kind happens.</summary>
public abstract record ContactEvent;

/// <param name="Status"><c>OPTED_IN</c>, <c>OPTED_OUT</c> or <c>PENDING</c>.</param>
/// <param name="Source">Who says so: <c>api</c>, <c>keyword</c>, <c>user_preferences</c>, <c>meta_131050</c>, <c>import</c>, …</param>
/// <param name="Proof">What shows it (a form's address, a message id); null when there is none.</param>
[StoredAs("contact_consent_changed")]
public sealed record ContactConsentChanged(Guid ContactId, string Status, string Source, string? Proof, DateTimeOffset At) : ContactEvent;

/// <summary>A file of contacts was taken in. One event for the file: consent of its rows rests on its proof.</summary>
/// <param name="FileSha256">Hex SHA-256 of the bytes received.</param>
[StoredAs("contacts_imported")]
public sealed record ContactsImported(Guid ImportId, string Source, string? Proof, string FileSha256, int Total, int Created, int Updated, int Rejected, DateTimeOffset At) : ContactEvent;
