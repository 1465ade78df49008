using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Redis;
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

        // Two steps: one statement that looks the alias up itself is planned as a scan of all contacts of the organization (row-level
        // security).
        Task<ContactView?> RowAsync(Guid id) =>
            shard.FirstAsync(organizationId, $"SELECT {ContactRows.Columns} FROM contacts c WHERE c.id = $1", ContactRows.Read, ct, id);
        return await RowAsync(contactId)
            ?? await RowAsync((await shard.ResolveAliasesAsync(organizationId, [contactId], ct))[0])
            ?? throw UnknownContact();
    }

    internal static Refusal UnknownContact() => new("contact.unknown", "There is no such contact.");
}

public sealed class CreateContactHandler(Shards shards, ContactConsents consents, Suppressions suppressions, AuditLog audit)
    : IRequestHandler<CreateContact, Done>
{
    private const string Insert = """
        INSERT INTO contacts (id, organization_id, phone_number, wa_user_id, first_name, last_name, email, custom_fields, tags)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING
        """;

    public async Task<Done> Handle(CreateContact command, CancellationToken ct)
    {
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        var id = CurrentRequest.NewId();
        var fields = command.Fields.Normalized(await shard.PhoneOfContactAsync(command.OrganizationId, command.Fields.PhoneNumber, ct));
        if (command.Consent is not { Status: not "PENDING" } consent)
        {
            await using var transaction = await shard.BeginAsync(command.OrganizationId, ct);
            await WriteAsync(transaction, shard, command.OrganizationId, id, fields, ct);
            await transaction.CommitAsync(ct);
            return new(id, 1);
        }

        // Two transactions, the row first and still PENDING. The request's claim is marked by the second (the event), so a repeat after a
        // crash between them
        // finds its own row and goes on; without a claim the repeat is told of the duplicate, which may not be written to until its consent
        // is given.
        await using (var row = await shard.BeginAsync(command.OrganizationId, ct))
        {
            if (await WriteAsync(row, shard, command.OrganizationId, id, fields, ct) && consent.Status == "OPTED_IN")
            {
                await row.CommitAsync(ct); // who said no before is not made to have agreed by being made again
                return new(id, 2);
            }

            await row.CommitUnmarkedAsync(ct);
        }

        await consents.ChangeAsync(command.OrganizationId, id, null, consent, ct);
        return new(id, 2);
    }

    // True: the person said no before. A repeat that finds its own row notes no second act.
    private async Task<bool> WriteAsync(TenantTransaction transaction, Shard shard, Guid organizationId, Guid id, ContactFields fields,
        CancellationToken ct)
    {
        var made = await transaction.ExecuteAsync(Insert, ct, Arguments(organizationId, id, fields)) == 1;
        await RequireOwnAsync(transaction, id, fields, ct);
        var reach = new Reach(fields.PhoneNumber, fields.WaUserId);
        await suppressions.ApplyAsync(transaction, organizationId, [reach], ct);
        var suppressed = (await suppressions.FindAsync(transaction, organizationId, [.. reach.All], ct)).Count > 0;
        if (made)
        {
            await audit.NoteAsync(transaction, shard, organizationId, "contact.created", "contact", id, null, ct);
        }

        return suppressed;
    }

    private static object?[] Arguments(Guid organizationId, Guid id, ContactFields fields) =>
        [id, organizationId, Text(fields.PhoneNumber), Text(fields.WaUserId), Text(fields.FirstName), Text(fields.LastName),
            Text(fields.Email), ContactRows.Jsonb(fields.CustomFields), ContactRows.Jsonb(fields.Tags)];

    private static NpgsqlParameter Text(string? value) => ContactRows.Nullable(NpgsqlTypes.NpgsqlDbType.Text, value);

    // Also a number or user id by which a merged contact is still found belongs to that person.
    internal static async Task RequireOwnAsync(TenantTransaction transaction, Guid id, ContactFields fields, CancellationToken ct)
    {
        var others = await transaction.QueryAsync("""
            SELECT c.id FROM contacts c WHERE (c.phone_number = ANY ($1) OR c.wa_user_id = $2) AND c.id <> $3
            UNION ALL SELECT x.into_id FROM bsp.contact_aliases x WHERE (x.phone_number = ANY ($1) OR x.wa_user_id = $2) AND x.into_id <> $3
            """, row => row.GetGuid(0), ct, fields.PhoneNumber is { } phone ? PhoneSpellings.Of(phone).ToArray() : [], Text(fields.WaUserId), id);
        if (others.Count > 0)
        {
            throw Duplicate(others[0]);
        }
    }

    internal static Refusal Duplicate(Guid existing) =>
        new("contact.duplicate", $"Contact {existing} already has this phone number or user id.");
}

public sealed class PatchContactHandler(Shards shards, ContactCache cache, Suppressions suppressions, AuditLog audit)
    : IRequestHandler<PatchContact, Done>
{
    public async Task<Done> Handle(PatchContact command, CancellationToken ct)
    {
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        await using var transaction = await shard.BeginAsync(command.OrganizationId, ct);
        var before =
            await transaction.LockedAsync(command.OrganizationId, command.ContactId,
                $"SELECT {ContactRows.Columns} FROM contacts c WHERE c.id = $1 FOR NO KEY UPDATE", ContactRows.Read, ct) is [var row]
            ? row : throw GetContactHandler.UnknownContact();
        if (command.SeenVersion is { } seen && seen != before.RowVersion)
        {
            throw new VersionConflict(command.ContactId, named: true);
        }

        var patched = ContactPatch.Apply(ContactRows.Fields(before), command.Patch);
        var phone = await PhoneAsync(shard, command.OrganizationId, before.PhoneNumber, patched.PhoneNumber, ct);
        await new ContactFieldsValidator(phoneIsRead: true).ValidateAndThrowAsync(patched, ct);
        var fields = patched.Normalized(phone);
        var version = await UpdateAsync(transaction, before.Id, fields, ct);
        // Only what is new: one of two contacts that are one person already may be changed until they are merged.
        await CreateContactHandler.RequireOwnAsync(transaction, before.Id,
            fields with { PhoneNumber = phone == before.PhoneNumber ? null : phone, WaUserId = fields.WaUserId == before.WaUserId ? null
                : fields.WaUserId }, ct);
        if (await SuppressAsync(transaction, before, fields, ct) > 0)
        {
            version++;
        }

        await audit.NoteAsync(transaction, shard, command.OrganizationId, "contact.changed", "contact", before.Id,
            [.. command.Patch.EnumerateObject().Select(member => member.Name).Distinct()], ct);
        await transaction.CommitAsync(ct);
        await cache.RemoveAsync(command.OrganizationId, [.. new[] { before.PhoneNumber, fields.PhoneNumber }.OfType<string>().Distinct()],
            ct);
        return new(before.Id, version);
    }

    // The number that the contact has is not judged again, however it is written: Meta may have named it.
    private static async Task<string?> PhoneAsync(Shard shard, Guid organizationId, string? has, string? written, CancellationToken ct) =>
        has is not null && written is not null && (written == has || E164.Read(written, null).Written == has) ? has
        : await shard.PhoneOfContactAsync(organizationId, written, ct);
    // The number that an opted-out contact had stays one whose owner said no, and the new one may be one.
    private async Task<int> SuppressAsync(TenantTransaction transaction, ContactView before, ContactFields after, CancellationToken ct)
    {
        if (before.ConsentStatus == "OPTED_OUT")
        {
            var gone = new Reach(before.PhoneNumber, before.WaUserId).All.Except(new Reach(after.PhoneNumber, after.WaUserId).All);
            await suppressions.PutAsync(transaction, before.OrganizationId, gone, "changed", ct);
        }

        return before.PhoneNumber == after.PhoneNumber && before.WaUserId == after.WaUserId ? 0
            : await suppressions.ApplyAsync(transaction, before.OrganizationId, [new(after.PhoneNumber, after.WaUserId)], ct);
    }

    private static async Task<long> UpdateAsync(TenantTransaction transaction, Guid id, ContactFields fields, CancellationToken ct)
    {
        const NpgsqlTypes.NpgsqlDbType text = NpgsqlTypes.NpgsqlDbType.Text;
        try
        {
            return (await transaction.QueryAsync("""
                UPDATE contacts SET phone_number = $2, phone_said_at = CASE WHEN phone_number IS DISTINCT FROM $2 THEN now() ELSE phone_said_at END,
                  wa_user_id = $3, wa_user_id_said_at = CASE WHEN wa_user_id IS DISTINCT FROM $3 THEN now() ELSE wa_user_id_said_at END, first_name = $4, last_name = $5, email = $6, custom_fields = $7, tags = $8,
                  updated_at = now(), row_version = row_version + 1
                WHERE id = $1 RETURNING row_version
                """, row => row.GetInt64(0), ct, id, ContactRows.Nullable(text, fields.PhoneNumber), ContactRows.Nullable(text, fields.WaUserId),
                ContactRows.Nullable(text, fields.FirstName), ContactRows.Nullable(text, fields.LastName),
                ContactRows.Nullable(text, fields.Email),
                ContactRows.Jsonb(fields.CustomFields), ContactRows.Jsonb(fields.Tags)))[0];
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            throw new Refusal("contact.duplicate", "Another contact already has this phone number or user id.");
        }
    }
}

public sealed class DeleteContactHandler(Shards shards, ContactCache cache, Suppressions suppressions, AuditLog audit)
    : IRequestHandler<DeleteContact, Done>
{
    // It leaves lists that somebody may be changing.
    public Task<Done> Handle(DeleteContact command, CancellationToken ct) => Deadlock.RepeatedAsync(() => DeleteAsync(command, ct));

    private async Task<Done> DeleteAsync(DeleteContact command, CancellationToken ct)
    {
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        await using var transaction = await shard.BeginAsync(command.OrganizationId, ct);
        var (id, version, phone, user, consent) = await transaction.LockedAsync(command.OrganizationId, command.ContactId,
            "SELECT c.id, c.row_version, c.phone_number, c.wa_user_id, c.consent_status FROM contacts c WHERE c.id = $1 FOR UPDATE",
            row => (row.GetGuid(0), row.GetInt64(1), row.TextOrNull(2), row.TextOrNull(3), row.GetString(4)), ct) is [var found] ? found
            : throw GetContactHandler.UnknownContact();
        if (command.SeenVersion is { } seen && seen != version)
        {
            throw new VersionConflict(command.ContactId, named: true);
        }

        if ((await transaction.QueryAsync("SELECT bsp.is_held($1, $2)", row => row.GetBoolean(0), ct, command.OrganizationId,
            new[] { id }))[0])
        {
            throw new Refusal("contact.held", "A legal hold stands: this contact is not deleted until it is released.");
        }

        var aliases =
            await transaction.QueryAsync("DELETE FROM bsp.contact_aliases WHERE into_id = $1 RETURNING phone_number, wa_user_id", row =>
                new Reach(row.TextOrNull(0), row.TextOrNull(1)), ct, id);
        await transaction.ExecuteAsync("DELETE FROM contacts WHERE id = $1", ct, id);
        if (consent == "OPTED_OUT")
        {
            await suppressions.PutAsync(transaction, command.OrganizationId, aliases.Append(new(phone, user))
                .SelectMany(reach => reach.All), "deleted", ct);
        }

        await audit.NoteAsync(transaction, shard, command.OrganizationId, "contact.deleted", "contact", id, null, ct);
        await transaction.CommitAsync(ct);
        await cache.RemoveAsync(command.OrganizationId, phone is null ? [] : [phone], ct);
        return new(id, version);
    }
}

public sealed class ChangeContactConsentHandler(ContactConsents consents, Shards shards) : IRequestHandler<ChangeContactConsent, Done>
{
    private const int AttemptsMax = 5;

    public async Task<Done> Handle(ChangeContactConsent command, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            var contact = await GetContactHandler.FindAsync(shards, command.OrganizationId, command.ContactId, ct);
            try
            {
                return await consents.ChangeAsync(command.OrganizationId, contact.Id, contact, command.Consent, ct, command.Once);
            }
            catch (Refusal refusal) when (refusal.Code == "contact.merged" && attempt < AttemptsMax)
            {
                // It became part of another contact since the look: their word counts for that one.
            }
        }
    }
}
