using System.Text.Json;
using Bsp.Application.Webhooks;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Webhooks;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>Webhooks that other people's systems received from Meta, collected outside the repository.</summary>
public sealed class RealWebhookTests(EndToEndApp app) : IClassFixture<EndToEndApp>
{
    private sealed record Payload(string Name, byte[] Body, IReadOnlyList<MetaChange> Changes);

    [Fact]
    public async Task Every_one_is_kept_byte_for_byte_and_the_known_kinds_have_their_effect()
    {
        var payloads = Read();
        using var tenant = await app.NewTenantAsync();
        var numbers = await RegisterAsync(tenant, payloads);
        foreach (var payload in payloads)
        {
            (await app.PostWebhookAsync(payload.Body)).Status.ShouldBe(200, payload.Name);
            (await app.KeptAsync(payload.Body)).ShouldBeGreaterThanOrEqualTo(1, payload.Name);
        }

        await CarriedOutAsync();
        await app.NoneFailedAsync();
        var (received, parked) = (0, 0);
        foreach (var (name, change, phone) in payloads.SelectMany(p =>
            p.Changes.Where(c => c.Field == "messages").Select(c => (p.Name, c, PhoneOf(c)))).Where(c => numbers.Contains(c.Item3 ?? "")))
        {
            foreach (var message in MetaEnvelope.Items(change.Value, "messages")
                .Where(m => MetaEnvelope.Text(m, "id") is not null && MetaEnvelope.Text(m, "type") != "system" && Sender(change, m)))
            {
                received++;
                (await CountAsync("SELECT count(*) FROM mt_events WHERE type = 'message_received' AND stream_id = $1",
                    Uuid.InboundMessage(phone!, MetaEnvelope.Text(message, "id")!))).ShouldBe("1", name);
            }

            foreach (var status in MetaEnvelope.Items(change.Value, "statuses")
                .Where(s => MetaEnvelope.Text(s, "id") is not null && MetaEnvelope.Text(s, "status") is not null))
            {
                parked++;
                (await CountAsync("SELECT count(*) FROM bsp.parked_statuses WHERE wamid = $1 AND status = $2",
                    MetaEnvelope.Text(status, "id")!, MetaEnvelope.Text(status, "status")!)).ShouldBe("1", name);
            }
        }

        (received, parked).ShouldSatisfyAllConditions(n => n.received.ShouldBeGreaterThan(40), n => n.parked.ShouldBeGreaterThan(10));
        await PreferencesAsync(tenant, payloads, numbers);
        await NoticesAsync(tenant, payloads);
        await Patience.SoonAsync(async () =>
        {
            var flagged = await tenant.AllAsync("/v1/accounts");
            flagged.Where(a => a.GetProperty("phone_number").GetString() == "+16505551111")
                .ShouldAllBe(a =>
                    a.GetProperty("messaging_limit").GetInt32() == 10_000 && a.GetProperty("quality_rating").GetString() == "RED");
            flagged.ShouldContain(a => a.GetProperty("phone_number").GetString() == "+16505551111");
        });
    }

    // Of every field that tells of accounts, when its WABA is somebody's here.
    private async Task NoticesAsync(Tenant tenant, List<Payload> payloads)
    {
        var told = payloads.SelectMany(p => p.Changes.Select(c => (p.Name, Change: c)))
            .Where(c => AccountFields.Known.Contains(c.Change.Field) && IsId(c.Change.EntryId)
                && MetaEnvelope.Child(c.Change.Value, "waba_info") is null).ToList();
        told.Select(t => t.Change.Field).Distinct().Count().ShouldBeGreaterThanOrEqualTo(5);
        foreach (var (name, change) in told.Where(t => t.Change.Field is not ("phone_number_name_update" or "calls")
            && MetaEnvelope.Child(t.Change.Value, "metadata") is null))
        {
            (await CountAsync("""
                SELECT least(count(*), 1) FROM bsp.account_notices WHERE organization_id = $1 AND waba_id = $2 AND field = $3
                """, tenant.Id, change.EntryId, change.Field)).ShouldBe("1", name);
        }
    }

    [Fact]
    public async Task With_a_wrong_signature_each_is_401_and_nothing_is_stored()
    {
        foreach (var payload in Read())
        {
            byte[] marked = [.. payload.Body, (byte)' ']; // not the bytes that the other test posts
            (await app.PostWebhookAsync(marked, "another secret")).ShouldBeProblem(401, "webhook.signature");
            (await app.KeptAsync(marked)).ShouldBe(0, payload.Name);
        }
    }

    private static List<Payload> Read()
    {
        var files = Directory.GetFiles(Shared.FolderOrSkip("data", "webhooks"), "*.json");
        files.ShouldNotBeEmpty();
        return [.. files.Order(StringComparer.Ordinal).Select(file =>
        {
            var body = File.ReadAllBytes(file);
            return new Payload(Path.GetFileName(file), body, [.. MetaEnvelope.Changes(JsonSerializer.Deserialize<JsonElement>(body))]);
        })];
    }

    // Every number and WABA that the payloads name by a real id; documentation's placeholders (PHONE_NUMBER_ID) cannot be anybody's.
    private async Task<HashSet<string>> RegisterAsync(Tenant tenant, List<Payload> payloads)
    {
        var accounts = new Dictionary<string, (string Display, string Waba)>();
        foreach (var change in payloads.SelectMany(p => p.Changes))
        {
            if (PhoneOf(change) is { } phone && IsId(phone) && IsId(change.EntryId))
            {
                accounts.TryAdd(phone,
                    (MetaEnvelope.Text(MetaEnvelope.Child(change.Value, "metadata")!.Value, "display_phone_number") ?? "", change.EntryId));
            }
        }

        var wabas = payloads.SelectMany(p => p.Changes).Select(c => c.EntryId).Where(IsId).Except(accounts.Values.Select(a => a.Waba))
            .Distinct().ToList();
        wabas.ForEach(waba => accounts[$"99{waba}"] = ("", waba));
        accounts["990001"] = ("16505551111", "990002"); // of the quality update
        foreach (var (phone, (display, waba)) in accounts)
        {
            await AddAsync(tenant, phone, display, waba);
        }

        return [.. accounts.Keys];
    }

    private async Task AddAsync(Tenant tenant, string phone, string display, string waba)
    {
        object Body(string number) =>
            new { phone_number_id = phone, phone_number = number, display_name = "Real", meta_waba_id = waba,
                credentials = new { access_token = "EAA" } };
        var added = await tenant.Api.SendAsync("POST", "/v1/accounts", Body($"+{display}"));
        if (added.Status == 400)
        {
            added = await tenant.Api.SendAsync("POST", "/v1/accounts",
                Body($"+1555{(uint)phone.GetHashCode(StringComparison.Ordinal) % 10_000_000:0000000}"));
        }

        added.Status.ShouldBe(201, added.Text);
        if (phone == waba)
        {
            // Two things never have one id at Meta, nor in the simulator: this payload's number is proven by hand.
            await app.Views.ScalarAsync("""
                WITH a AS (UPDATE whatsapp_accounts SET status = 'CONNECTED' WHERE id = $1 RETURNING *)
                INSERT INTO bsp.directory_numbers (phone_number_id, organization_id, account_id, display_digits, waba_id, proven_at, confirmed_at)
                SELECT phone_number_id, organization_id, id, $2, meta_waba_id, now(), now() FROM a RETURNING 1
                """, added["id"].GetGuid(), display);
            return;
        }

        app.Meta.State.AddAccount(new(waba, phone, display.Length > 0 ? display : null));
        var connected = await tenant.Api.SendAsync("POST", $"/v1/accounts/{added["id"].GetGuid()}/connect");
        connected.Status.ShouldBe(200, connected.Text);
    }

    // A number of which webhooks came under another WABA too: Meta is asked, and then they are carried out.
    private async Task CarriedOutAsync()
    {
        await app.Views.InboxEmptyAsync();
        await Patience.UntilAsync(() => CountAsync("""
            SELECT count(*) FROM bsp.webhook_notes n WHERE n.released_at IS NULL AND EXISTS (SELECT FROM bsp.directory_numbers d WHERE d.phone_number_id = n.phone_number_id OR d.display_digits = n.display_digits)
            """), n => n == "0", "nothing waits for a number that is proven");
        await app.Views.InboxEmptyAsync();
    }

    private async Task PreferencesAsync(Tenant tenant, List<Payload> payloads, HashSet<string> numbers)
    {
        var preferences = payloads.SelectMany(p => p.Changes)
            .Where(c => c.Field == "user_preferences" && numbers.Contains(PhoneOf(c) ?? ""))
            .SelectMany(c => MetaEnvelope.Items(c.Value, "user_preferences")).ToList();
        preferences.ShouldNotBeEmpty();

        // By their proofs' source, not by number: other payloads of the collection say that these people have new ones.
        (await CountAsync(
            "SELECT count(*) FROM mt_events WHERE tenant_id = $1 AND type = 'contact_consent_changed_v2' AND data ->> 'source' = 'user_preferences'", tenant.Id.ToString())).ShouldNotBe("0");
    }

    private static bool Sender(MetaChange change, JsonElement message) =>
        MetaEnvelope.Text(message, "from") is not null || MetaEnvelope.Text(message, "from_user_id") is not null
        || MetaEnvelope.Items(change.Value, "contacts").Count() == 1;

    private static string? PhoneOf(MetaChange change) =>
        MetaEnvelope.Child(change.Value, "metadata") is { } metadata ? MetaEnvelope.Text(metadata, "phone_number_id") : null;

    private static bool IsId(string text) => text.Length is > 0 and <= 30 && text.All(char.IsAsciiDigit);

    private Task<string> CountAsync(string sql, params object[] arguments) => app.Views.ScalarAsync(sql, arguments);
}
