using Bsp.Domain.Common;

namespace Bsp.Domain.Contacts;

/// <summary>
/// What a contact's stream must remember to decide: the consent last said, by whom, with which proof, and whether it is still a contact of
/// its own.
/// </summary>
/// <param name="Status"><c>OPTED_IN</c>, <c>OPTED_OUT</c> or <c>PENDING</c>; null: the stream says nothing yet.</param>
/// <param name="Proof">Sealed; null when there is none, or it was stored plain (<paramref name="PlainProof"/>).</param>
/// <param name="MergedInto">It became part of that contact; null: it did not.</param>
public sealed record Contact(string? Status, string? Source, Sealed? Proof, string? PlainProof, Guid? MergedInto, bool Erased)
    : IAggregate<Contact, ContactEvent>
{
    /// <inheritdoc/>
    public static string StreamType => "contact";

    /// <summary>Before everything.</summary>
    public static Contact Initial { get; } = new(null, null, null, null, null, false);

    /// <summary>The three consent statuses of the specification.</summary>
    public static readonly IReadOnlyList<string> ConsentStatuses = ["OPTED_IN", "OPTED_OUT", "PENDING"];

    /// <summary>
    /// The consent of one person whom two contacts showed: the stricter word wins, OPTED_OUT before PENDING before OPTED_IN. The same order
    /// stands in <c>bsp.merge_contacts</c>.
    /// </summary>
    public static string Stricter(string one, string other) => Strictness(one) >= Strictness(other) ? one : other;

    /// <summary>Records a consent. The same status from the same source with the same proof, and shown so: no events.</summary>
    /// <param name="shown">The contact's status as the table shows it; an import or a merge changes it without an event of its own.</param>
    /// <param name="sameProof">The proof says what the state's says; a sealed text cannot be compared here.</param>
    /// <exception cref="Refusal"><c>contact.consent_status_invalid</c>, <c>contact.merged</c>, <c>contact.unknown</c></exception>
    public static ContactEvent[] ChangeConsent(Contact state, Guid contactId, string shown, string status, string source, Sealed? proof,
        bool sameProof, DateTimeOffset now)
    {
        RequireAlive(state);
        if (!ConsentStatuses.Contains(status))
        {
            throw new Refusal("contact.consent_status_invalid", "A consent is OPTED_IN, OPTED_OUT or PENDING.");
        }

        return shown == status && state.Status == status && state.Source == source && sameProof ? []
            : [new ContactConsentChangedV2(contactId, status, source, proof, now)];
    }

    /// <summary>
    /// Notes that the person is reached otherwise from now on, or, when later news was told first, that this one was told.
    /// </summary>
    /// <param name="outdated">Later news is known of all that this one says.</param>
    /// <exception cref="Refusal"><c>contact.merged</c>, <c>contact.unknown</c></exception>
    public static ContactEvent[] ChangeIdentity(Contact state, Guid contactId, string source, string proof, Sealed identity, bool outdated,
        DateTimeOffset saidAt, DateTimeOffset now)
    {
        RequireAlive(state);
        return outdated ? [new ContactIdentityNewsOutdated(contactId, source, proof, identity, now, saidAt)]
            : [new ContactIdentityChanged(contactId, source, proof, identity, now, saidAt)];
    }

    /// <summary>
    /// Makes <paramref name="absorbedId"/> part of <paramref name="contactId"/>: an event for each of the two streams. Merged so already:
    /// none.
    /// </summary>
    /// <exception cref="Refusal"><c>contact.merged</c>: either became part of another contact meanwhile; <c>contact.unknown</c>: either was
    /// erased</exception>
    public static (ContactEvent[] Surviving, ContactEvent[] Absorbed) Merge(Contact surviving, Contact absorbed, Guid contactId,
        Guid absorbedId, string source, DateTimeOffset now)
    {
        if (absorbed.MergedInto == contactId)
        {
            return ([], []);
        }

        RequireAlive(surviving);
        RequireAlive(absorbed);
        return ([new ContactMerged(contactId, absorbedId, source, now)], [new ContactAbsorbed(absorbedId, contactId, now)]);
    }

    /// <summary>Erased already: no events.</summary>
    /// <exception cref="Refusal"><c>contact.merged</c></exception>
    public static ContactEvent[] Erase(Contact state, Guid contactId, IReadOnlyList<Guid> contactIds, DateTimeOffset now) =>
        state.Erased ? [] : state.MergedInto is null ? [new ContactErased(contactId, contactIds, now)] : throw Moved();

    /// <summary>State after a fact. Never refuses.</summary>
    public static Contact Evolve(Contact state, ContactEvent @event) => @event switch
    {
        ContactConsentChanged e => state with { Status = e.Status, Source = e.Source, Proof = null, PlainProof = e.Proof },
        ContactConsentChangedV2 e => state with { Status = e.Status, Source = e.Source, Proof = e.Proof, PlainProof = null },
        ContactAbsorbed e => state with { MergedInto = e.IntoId },
        ContactErased => state with { Erased = true },
        _ => state,
    };

    private static void RequireAlive(Contact state)
    {
        if (state.MergedInto is not null)
        {
            throw Moved();
        }

        if (state.Erased)
        {
            throw new Refusal("contact.unknown", "There is no such contact.");
        }
    }

    private static Refusal Moved() => new("contact.merged", "This contact became part of another one meanwhile: try again.");

    private static int Strictness(string status) => status switch { "OPTED_OUT" => 2, "PENDING" => 1, _ => 0 };
}
