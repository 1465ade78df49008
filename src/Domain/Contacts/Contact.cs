using Bsp.Domain.Common;

namespace Bsp.Domain.Contacts;

/// <summary>What a contact's stream must remember to decide: the consent last said, by whom, with which proof.</summary>
/// <param name="Status"><c>OPTED_IN</c>, <c>OPTED_OUT</c> or <c>PENDING</c>; null: the stream says nothing yet.</param>
public sealed record Contact(string? Status, string? Source, string? Proof)
{
    /// <summary>Before everything.</summary>
    public static readonly Contact Initial = new(null, null, null);

    /// <summary>The three consent statuses of the specification.</summary>
    public static readonly IReadOnlyList<string> ConsentStatuses = ["OPTED_IN", "OPTED_OUT", "PENDING"];

    /// <summary>Records a consent. The same status from the same source with the same proof, and shown so: no events.</summary>
    /// <param name="shown">The contact's status as the table shows it; an import changes it without an event of its own.</param>
    /// <exception cref="Refusal"><c>contact.consent_status_invalid</c></exception>
    public static ContactEvent[] ChangeConsent(Contact state, Guid contactId, string shown, string status, string source, string? proof, DateTimeOffset now)
    {
        if (!ConsentStatuses.Contains(status))
        {
            throw new Refusal("contact.consent_status_invalid", "A consent is OPTED_IN, OPTED_OUT or PENDING.");
        }

        return shown == status && state == new Contact(status, source, proof) ? [] : [new ContactConsentChanged(contactId, status, source, proof, now)];
    }

    /// <summary>State after a fact. Never refuses.</summary>
    public static Contact Evolve(Contact state, ContactEvent @event) => @event switch
    {
        ContactConsentChanged e => new(e.Status, e.Source, e.Proof),
        _ => state,
    };
}
