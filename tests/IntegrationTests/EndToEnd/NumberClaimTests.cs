using System.Security.Cryptography;
using System.Text;
using Bsp.Infrastructure.Accounts;
using Bsp.IntegrationTests.Common;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>Whose a number is: theirs for whom Meta confirms it, and nobody else hears anything of it.</summary>
public sealed class NumberClaimTests(EndToEndApp app) : IClassFixture<EndToEndApp>
{
    /// <summary>A number at Meta, and the tokens that may act for it.</summary>
    private sealed record Number(string Id, string Waba, string Digits);

    private Number AtMeta(params string[] tokens)
    {
        var digits = RandomNumberGenerator.GetString("0123456789", 14);
        var number = new Number("5" + digits, "6" + digits, "1555" + digits[..7]);
        app.Meta.State.AddAccount(new(number.Waba, number.Id, number.Digits, AccessTokens: tokens));
        return number;
    }

    private static async Task<string> NamedAsync(TestOrganization organization, Number number, string token, string? waba = null)
    {
        var created = await organization.Writer.SendAsync("POST", "/v1/accounts", new
        {
            phone_number_id = number.Id, phone_number = "+4915112345678", display_name = "Shop", meta_waba_id = waba
                ?? number.Waba, messaging_limit = 77, credentials = new { access_token = token },
        });
        created.Status.ShouldBe(201, created.Text);
        return $"/v1/accounts/{created["id"].GetGuid()}";
    }

    private static async Task ConnectedAsync(TestOrganization organization, string account)
    {
        var connected = await organization.Writer.SendAsync("POST", account + "/connect");
        connected.Status.ShouldBe(200, connected.Text);
        connected["status"].GetString().ShouldBe("CONNECTED");
    }

    private async Task PostAsync(string body)
    {
        (await app.PostWebhookAsync(body)).Status.ShouldBe(200);
        await app.Views.InboxEmptyAsync();
    }

    private static string Change(string waba, string field, string value) =>
        $$$"""{"object":"whatsapp_business_account","entry":[{"id":"{{{waba}}}","changes":[{"field":"{{{field}}}","value":{{{value}}}}]}]}""";

    private static string Message(Number number, string wamid, string? waba = null) => Change(waba ?? number.Waba, "messages", $$$"""
        {"messaging_product":"whatsapp","metadata":{"display_phone_number":"{{{number.Digits}}}","phone_number_id":"{{{number.Id}}}"},"contacts":[{"wa_id":"4915199900011","user_id":"DE.88{{{number.Id}}}"}],
        "messages":[{"from":"4915199900011","id":"{{{wamid}}}","timestamp":"{{{DateTimeOffset.UtcNow.ToUnixTimeSeconds()}}}","type":"text","text":{"body":"hello"}}]}
        """);

    private static string Quality(Number number, string limit) => Change(number.Waba, "phone_number_quality_update",
        $$"""{"display_phone_number":"{{number.Digits}}","event":"FLAGGED","max_daily_conversations_per_business":"{{limit}}"}""");

    private Task<string> ReceivedAsync(TestOrganization organization, string wamid) =>
        app.Views.ScalarAsync(
            "SELECT count(*) FROM mt_events WHERE tenant_id = $1 AND type = 'message_received' AND data ->> 'wamid' = $2",
            organization.Id.ToString(), wamid);

    private Task ArrivesAsync(TestOrganization organization, string wamid) =>
        Patience.UntilAsync(() => ReceivedAsync(organization, wamid), n => n == "1", $"{wamid} is with its organization");

    private async Task NothingCameAsync(TestOrganization organization, string account)
    {
        (await app.Views.ScalarAsync(
            "SELECT count(*) FROM mt_events WHERE tenant_id = $1 AND type LIKE ANY ('{message_%,contact_%,template_%}')",
            organization.Id.ToString())).ShouldBe("0");
        (await organization.Reader.SendAsync("GET", account))["messaging_limit"].GetInt32().ShouldBe(77);
        (await organization.Reader.SendAsync("GET", account))["quality_rating"].GetString().ShouldBe("GREEN");
    }

    [Fact]
    public async Task A_stranger_who_names_anothers_number_gets_nothing_of_it_and_what_came_is_the_owners_when_they_connect()
    {
        var (stranger, owner) = (await app.NewOrganizationAsync("Stranger"), await app.NewOrganizationAsync("Owner"));
        var number = AtMeta("owners-token");
        var named = await NamedAsync(stranger, number, "strangers-token");
        var wamid = $"wamid.early.{number.Id}";
        string[] news =
        [
            Message(number, wamid), Quality(number, "TIER_10K"),
                Change(number.Waba, "business_capability_update", """{"max_daily_conversations_per_business":"TIER_100K"}"""),
            Change(number.Waba, "user_id_update",
                """{"user_id_update":[{"wa_id":"4915199900011","user_id":{"previous":"DE.1","current":"DE.2"}}]}"""),
            Change(number.Waba, "user_preferences",
                $$"""{"metadata":{"phone_number_id":"{{number.Id}}"},"user_preferences":[{"wa_id":"4915199900011","category":"marketing_messages","value":"stop","timestamp":1764000003}]}"""),
            Change(number.Waba, "message_template_status_update",
                """{"event":"APPROVED","message_template_id":7,"message_template_name":"x","message_template_language":"en"}"""),
        ];
        foreach (var item in news)
        {
            await PostAsync(item);
        }

        (await stranger.Writer.SendAsync("POST", named + "/connect")).ShouldBeProblem(502, "meta.refused");
        (await stranger.Writer.SendAsync("POST", named + "/sync")).ShouldBeProblem(502, "meta.refused");
        await NothingCameAsync(stranger, named);

        var account = await NamedAsync(owner, number, "owners-token");
        await ConnectedAsync(owner, account);
        await ArrivesAsync(owner, wamid);
        await Patience.UntilAsync(() =>
            app.Views.ScalarAsync(
                "SELECT count(*) FROM mt_events WHERE tenant_id = $1 AND type = 'contact_consent_changed_v2' AND data ->> 'source' = 'user_preferences'", owner.Id.ToString()),
            n => n == "1", "the STOP that waited is carried out");
        (await owner.Reader.SendAsync("GET", account))["messaging_limit"].GetInt32()
            .ShouldBe(int.MaxValue, "Meta was asked after those webhooks");
        await PostAsync(Quality(number, "TIER_2K"));
        await Patience.UntilAsync(() => owner.Reader.SendAsync("GET", account), a =>
            a["messaging_limit"].GetInt32() == 2_000, "what is told from now on counts");
        await NothingCameAsync(stranger, named);
        await app.NoneFailedAsync();
    }

    [Fact]
    public async Task Whoever_types_the_owners_number_into_an_account_of_theirs_hears_nothing_of_it()
    {
        var stranger = await app.NewOrganizationAsync("Stranger");
        var (own, other) = (AtMeta("mine"), AtMeta("owners-token"));
        var created = await stranger.Writer.SendAsync("POST", "/v1/accounts",
            new { phone_number_id = own.Id, phone_number = "+" + other.Digits, display_name = "x", meta_waba_id = own.Waba,
                credentials = new { access_token = "mine" } });
        var account = $"/v1/accounts/{created["id"].GetGuid()}";
        await ConnectedAsync(stranger, account);
        await PostAsync(Quality(other, "TIER_2K"));
        (await stranger.Reader.SendAsync("GET", account))["messaging_limit"].GetInt32().ShouldBe(int.MaxValue);
        (await stranger.Writer.SendAsync("POST", await NamedAsync(stranger, other, "mine") + "/connect"))
            .ShouldBeProblem(502, "meta.refused");
        var foreignWaba = AtMeta("mine");
        (await stranger.Writer.SendAsync("POST", await NamedAsync(stranger, foreignWaba, "mine", other.Waba) + "/connect"))
            .ShouldBeProblem(502, "meta.refused");
        var unlisted = AtMeta("mine");
        (await stranger.Writer.SendAsync("POST", await NamedAsync(stranger, unlisted, "mine", own.Waba) + "/connect"))
            .ShouldBeProblem(502, "meta.refused").Text.ShouldContain("does not list the number");
    }

    [Fact]
    public async Task A_proven_claim_stands_while_Meta_confirms_it_and_gives_way_when_its_token_is_denied()
    {
        var (first, second) = (await app.NewOrganizationAsync("First"), await app.NewOrganizationAsync("Second"));
        var number = AtMeta("one", "two");
        var (old, young) = (await NamedAsync(first, number, "one"), await NamedAsync(second, number, "two"));
        var answers =
            await Task.WhenAll(first.Writer.SendAsync("POST", old + "/connect"), second.Writer.SendAsync("POST", young + "/connect"));
        answers.Count(a => a.Status == 200).ShouldBe(1, "both prove it, one has it");
        answers.Single(a => a.Status != 200).ShouldBeProblem(409, "account.number_taken");
        var (holder, had, newcomer, wants, token) = answers[0].Status == 200 ? (first, old, second, young, "two")
            : (second, young, first, old, "one");
        (await newcomer.Writer.SendAsync("POST", wants + "/connect")).ShouldBeProblem(409, "account.number_taken");
        await PostAsync(Message(number, $"wamid.a.{number.Id}"));
        await ArrivesAsync(holder, $"wamid.a.{number.Id}");

        app.Meta.State.AddAccount(new(number.Waba, number.Id, AccessTokens: [token]));
        await ConnectedAsync(newcomer, wants);
        (await holder.Reader.SendAsync("GET", had))["status"].GetString().ShouldBe("DISCONNECTED");
        (await app.Views.ScalarAsync("SELECT count(*) FROM mt_events WHERE tenant_id = $1 AND data ->> 'act' = 'account.claim_lapsed'",
            holder.Id.ToString())).ShouldBe("1");
        await PostAsync(Message(number, $"wamid.b.{number.Id}"));
        await ArrivesAsync(newcomer, $"wamid.b.{number.Id}");
        (await ReceivedAsync(holder, $"wamid.b.{number.Id}")).ShouldBe("0");
        (await ReceivedAsync(newcomer, $"wamid.a.{number.Id}")).ShouldBe("0");
        (await holder.Writer.SendAsync("POST", had + "/connect")).ShouldBeProblem(502, "meta.refused");
    }

    [Fact]
    public async Task A_number_that_was_disconnected_is_free_for_the_next_proof_and_one_that_cannot_be_asked_about_is_not()
    {
        var (first, second) = (await app.NewOrganizationAsync("First"), await app.NewOrganizationAsync("Second"));
        var number = AtMeta("shared");
        var (old, young) = (await NamedAsync(first, number, "shared"), await NamedAsync(second, number, "shared"));
        await ConnectedAsync(first, old);
        (await second.Writer.SendAsync("POST", young + "/connect")).ShouldBeProblem(409, "account.number_taken");
        (await first.Writer.SendAsync("POST", old + "/disconnect"))["status"].GetString().ShouldBe("DISCONNECTED");
        await ConnectedAsync(second, young);
        (await first.Writer.SendAsync("POST", old + "/connect")).ShouldBeProblem(409, "account.number_taken");
    }

    [Fact]
    public async Task What_comes_for_a_number_that_moved_to_another_WABA_waits_for_its_new_owner()
    {
        var (first, second) = (await app.NewOrganizationAsync("First"), await app.NewOrganizationAsync("Second"));
        var number = AtMeta("one");
        var old = await NamedAsync(first, number, "one");
        await ConnectedAsync(first, old);
        var moved = number with { Waba = "7" + number.Waba[1..] };
        app.Meta.State.AddAccount(new(moved.Waba, moved.Id, moved.Digits, AccessTokens: ["two"]));
        await PostAsync(Message(moved, $"wamid.moved.{number.Id}"));
        await Patience.UntilAsync(() => first.Reader.SendAsync("GET", old), a =>
            a["status"].GetString() == "DISCONNECTED", "the claim lapses, because Meta denies it");
        (await ReceivedAsync(first, $"wamid.moved.{number.Id}")).ShouldBe("0");
        await ConnectedAsync(second, await NamedAsync(second, moved, "two"));
        await ArrivesAsync(second, $"wamid.moved.{number.Id}");
        (await ReceivedAsync(first, $"wamid.moved.{number.Id}")).ShouldBe("0");
    }

    [Fact]
    public async Task What_comes_under_another_WABAs_id_is_carried_out_after_Meta_confirmed_the_number()
    {
        var organization = await app.NewOrganizationAsync();
        var number = AtMeta("one");
        await ConnectedAsync(organization, await NamedAsync(organization, number, "one"));
        foreach (var wamid in new[] { $"wamid.odd.1.{number.Id}", $"wamid.odd.2.{number.Id}" })
        {
            await PostAsync(Message(number, wamid, waba: "424242"));
            await ArrivesAsync(organization, wamid);
        }
    }

    [Fact]
    public async Task The_own_apps_secret_is_good_for_proven_numbers_of_its_organization_only()
    {
        const string secret = "own-app-secret";
        var organization = await app.NewOrganizationAsync();
        (await organization.Admin.SendAsync("PATCH", $"/v1/organizations/{organization.Id}",
            new { meta_app_secret = secret })).Status.ShouldBe(200);
        var number = AtMeta("mine");
        var account = await NamedAsync(organization, number, "mine");
        var body = Message(number, $"wamid.own.{number.Id}");
        using var request =
            new HttpRequestMessage(HttpMethod.Post,
                $"/webhooks/meta/{organization.Id}") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Add("X-Hub-Signature-256",
            "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(body))));
        (await app.Anonymous.SendAsync(request)).EnsureSuccessStatusCode();
        await app.Views.InboxEmptyAsync();
        (await ReceivedAsync(organization, $"wamid.own.{number.Id}")).ShouldBe("0", "the number is PENDING");
        await ConnectedAsync(organization, account);
        await ArrivesAsync(organization, $"wamid.own.{number.Id}");
    }

    [Fact]
    public async Task Numbers_of_before_are_proven_after_the_fact_or_lost_and_what_was_noted_in_the_moment_of_a_proof_is_carried_out()
    {
        var organization = await app.NewOrganizationAsync();
        var (good, pending) = (AtMeta("mine"), AtMeta("mine"));
        var account = await NamedAsync(organization, good, "mine");
        await ConnectedAsync(organization, account);
        var named = await NamedAsync(organization, pending, "mine");
        await app.Views.ScalarAsync(
            "UPDATE bsp.directory_numbers SET proven_at = NULL, confirmed_at = NULL, checked_at = now() WHERE phone_number_id = $1 RETURNING 1", good.Id);
        await app.Views.ScalarAsync(
            "INSERT INTO bsp.directory_numbers (phone_number_id, organization_id, account_id, display_digits, waba_id) VALUES ($1, $2, $3, '1', $4) RETURNING 1",
            pending.Id, organization.Id, Guid.Parse(named.Split('/')[^1]), pending.Waba);
        await PostAsync(Message(good, $"wamid.before.{good.Id}"));
        (await ReceivedAsync(organization, $"wamid.before.{good.Id}")).ShouldBe("0");
        await app.Views.ScalarAsync("UPDATE bsp.directory_numbers SET checked_at = NULL WHERE phone_number_id = $1 RETURNING 1", good.Id);
        await app.Services.GetRequiredService<NumberProofs>().RoundAsync(TestContext.Current.CancellationToken);
        await ArrivesAsync(organization, $"wamid.before.{good.Id}");
        await Patience.UntilAsync(() =>
            app.Views.ScalarAsync("SELECT count(*) FROM bsp.directory_numbers WHERE phone_number_id = $1", pending.Id), n =>
                n == "0", "what was never connected is nobody's");

        await PostAsync(Message(pending, $"wamid.raced.{pending.Id}"));
        await app.Views.ScalarAsync("""
            INSERT INTO bsp.directory_numbers (phone_number_id, organization_id, account_id, display_digits, waba_id, proven_at, confirmed_at) VALUES ($1, $2, $3, '1', $4, now(), now()) RETURNING 1
            """, pending.Id, organization.Id, Guid.Parse(named.Split('/')[^1]), pending.Waba); // the other process died after this
        await ArrivesAsync(organization, $"wamid.raced.{pending.Id}");
    }
}
