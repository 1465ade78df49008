using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Domain.Contacts;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using FluentValidation;
using MediatR;
using Npgsql;

namespace Bsp.Infrastructure.Contacts;

public sealed class GetContactHandler(Shards shards) : IRequestHandler<GetContact, ContactView>
{
    public Task<ContactView> Handle(GetContact query, CancellationToken ct) => FindAsync(shards, query.OrganizationId, query.ContactId, ct);

    internal static async Task<ContactView> FindAsync(Shards shards, Guid organizationId, Guid contactId, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        return await shard.FirstAsync(organizationId, $"SELECT {ContactRows.Columns} FROM contacts c WHERE c.id = $1", ContactRows.Read, ct, contactId)
            ?? throw UnknownContact();
    }

    internal static Refusal UnknownContact() => new("contact.unknown", "There is no such contact.");
}

public sealed class GetContactTimelineHandler(Shards shards, IEventStore store) : IRequestHandler<GetContactTimeline, IReadOnlyList<TimelineEntry>>
{
    public async Task<IReadOnlyList<TimelineEntry>> Handle(GetContactTimeline query, CancellationToken ct)
    {
        await GetContactHandler.FindAsync(shards, query.OrganizationId, query.ContactId, ct);
        var stream = await store.LoadAsync(query.OrganizationId, query.ContactId, ct);
        return [.. stream.Events.Where(e => e.Body is not null).Select(e => new TimelineEntry(e.Type, e.Timestamp, JsonSerializer.SerializeToElement(e.Body, e.Body!.GetType(), EventTypes.Json)))];
    }
}

public sealed class CreateContactHandler(Shards shards, IEventStore store, TimeProvider clock) : IRequestHandler<CreateContact, Done>
{
    private const string Insert = """
        INSERT INTO contacts (id, organization_id, phone_number, wa_user_id, first_name, last_name, email, custom_fields, tags)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING
        """;

    public async Task<Done> Handle(CreateContact command, CancellationToken ct)
    {
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        var id = CurrentRequest.NewId();
        var fields = command.Fields.Normalized();
        if (command.Consent is not { Status: not "PENDING" } consent)
        {
            await using var transaction = await shard.BeginAsync(command.OrganizationId, ct);
            if (await transaction.ExecuteAsync(Insert, ct, Arguments(command.OrganizationId, id, fields)) == 0)
            {
                await RequireOwnAsync(shard, command.OrganizationId, id, fields, ct);
            }

            await transaction.CommitAsync(ct);
            return new(id, 1);
        }

        // Two transactions, the row first and still PENDING. The request's claim is marked by the second (the event), so a repeat after a crash between them
        // finds its own row and goes on; without a claim the repeat is told of the duplicate, which may not be written to until its consent is given.
        var inserted = await shard.QueryAsync(command.OrganizationId, $"{Insert} RETURNING id", row => row.GetGuid(0), ct, Arguments(command.OrganizationId, id, fields));
        if (inserted.Count == 0)
        {
            await RequireOwnAsync(shard, command.OrganizationId, id, fields, ct);
        }

        await store.Decide<Contact, ContactEvent>(command.OrganizationId, id, "contact", Contact.Initial, Contact.Evolve,
            state => Contact.ChangeConsent(state, id, state.Status ?? "PENDING", consent.Status, consent.Source, consent.Proof, clock.GetUtcNow()), null, ct);
        return new(id, 2);
    }

    private static object?[] Arguments(Guid organizationId, Guid id, ContactFields fields) =>
        [id, organizationId, Text(fields.PhoneNumber), Text(fields.WaUserId), Text(fields.FirstName), Text(fields.LastName), Text(fields.Email), ContactRows.Jsonb(fields.CustomFields), ContactRows.Jsonb(fields.Tags)];

    private static NpgsqlParameter Text(string? value) => ContactRows.Nullable(NpgsqlTypes.NpgsqlDbType.Text, value);

    private static async Task RequireOwnAsync(Shard shard, Guid organizationId, Guid id, ContactFields fields, CancellationToken ct)
    {
        var others = await shard.QueryAsync(organizationId, "SELECT c.id, c.phone_number FROM contacts c WHERE c.phone_number = $1 OR c.wa_user_id = $2",
            row => (Id: row.GetGuid(0), Phone: row.TextOrNull(1)), ct, Text(fields.PhoneNumber), Text(fields.WaUserId));
        if (others.Find(o => o.Id != id) is { Id: var other } && other != Guid.Empty)
        {
            throw Duplicate(other);
        }
    }

    internal static Refusal Duplicate(Guid existing) => new("contact.duplicate", $"Contact {existing} already has this phone number or user id.");
}

public sealed class PatchContactHandler(Shards shards) : IRequestHandler<PatchContact, Done>
{
    public async Task<Done> Handle(PatchContact command, CancellationToken ct)
    {
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        await using var transaction = await shard.BeginAsync(command.OrganizationId, ct);
        var before = (await transaction.QueryAsync($"SELECT {ContactRows.Columns} FROM contacts c WHERE c.id = $1 FOR NO KEY UPDATE", ContactRows.Read, ct, command.ContactId)) is [var row]
            ? row : throw GetContactHandler.UnknownContact();
        if (command.SeenVersion is { } seen && seen != before.RowVersion)
        {
            throw new VersionConflict(command.ContactId, named: true);
        }

        var patched = ContactPatch.Apply(ContactRows.Fields(before), command.Patch);
        await new ContactFieldsValidator().ValidateAndThrowAsync(patched, ct);
        var version = await UpdateAsync(transaction, command, patched.Normalized(), ct);
        await transaction.CommitAsync(ct);
        return new(command.ContactId, version);
    }

    private static async Task<long> UpdateAsync(TenantTransaction transaction, PatchContact command, ContactFields fields, CancellationToken ct)
    {
        const NpgsqlTypes.NpgsqlDbType text = NpgsqlTypes.NpgsqlDbType.Text;
        try
        {
            return (await transaction.QueryAsync("""
                UPDATE contacts SET phone_number = $2, wa_user_id = $3, first_name = $4, last_name = $5, email = $6, custom_fields = $7, tags = $8,
                  updated_at = now(), row_version = row_version + 1
                WHERE id = $1 RETURNING row_version
                """, row => row.GetInt64(0), ct, command.ContactId, ContactRows.Nullable(text, fields.PhoneNumber), ContactRows.Nullable(text, fields.WaUserId),
                ContactRows.Nullable(text, fields.FirstName), ContactRows.Nullable(text, fields.LastName), ContactRows.Nullable(text, fields.Email),
                ContactRows.Jsonb(fields.CustomFields), ContactRows.Jsonb(fields.Tags)))[0];
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            throw new Refusal("contact.duplicate", "Another contact already has this phone number or user id.");
        }
    }
}

public sealed class DeleteContactHandler(Shards shards) : IRequestHandler<DeleteContact, Done>
{
    public async Task<Done> Handle(DeleteContact command, CancellationToken ct)
    {
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        await using var transaction = await shard.BeginAsync(command.OrganizationId, ct);
        var versions = await transaction.QueryAsync("SELECT row_version FROM contacts WHERE id = $1 FOR UPDATE", row => row.GetInt64(0), ct, command.ContactId);
        if (versions.Count == 0)
        {
            throw GetContactHandler.UnknownContact();
        }

        if (command.SeenVersion is { } seen && seen != versions[0])
        {
            throw new VersionConflict(command.ContactId, named: true);
        }

        await transaction.ExecuteAsync("DELETE FROM contacts WHERE id = $1", ct, command.ContactId);
        await transaction.CommitAsync(ct);
        return new(command.ContactId, versions[0]);
    }
}

public sealed class ChangeContactConsentHandler(Shards shards, IEventStore store, TimeProvider clock) : IRequestHandler<ChangeContactConsent, Done>
{
    public async Task<Done> Handle(ChangeContactConsent command, CancellationToken ct)
    {
        var contact = await GetContactHandler.FindAsync(shards, command.OrganizationId, command.ContactId, ct);
        var (status, source, proof) = command.Consent;
        return await store.Decide<Contact, ContactEvent>(command.OrganizationId, command.ContactId, "contact", Contact.Initial, Contact.Evolve,
            state => Contact.ChangeConsent(state, command.ContactId, contact.ConsentStatus, status, source, proof, clock.GetUtcNow()), null, ct);
    }
}
