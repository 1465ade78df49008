using System.Text.Json;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;

namespace Bsp.IntegrationTests.Conversations;

/// <summary>GET /v1/conversations?q=, from the webhook to the index and back.</summary>
public sealed class SearchTests(TenantApp app) : IClassFixture<TenantApp>
{
    private Tenant Own => app.Tenant;

    [Fact]
    public async Task It_finds_by_text_names_and_numbers_in_any_script_what_is_shown_now_and_nothing_of_neighbours_or_the_erased()
    {
        using var neighbour = await app.NewTenantAsync();
        var texts = new[] { "Où est ma commande ORD-123456 ?", "أين طَلَبِي رقم ٧٧٨٨؟", "मेरा ऑर्डर कहाँ है", "我的订单在哪里", "Thanks 🎉",
            "first wording" };
        for (var i = 0; i < texts.Length; i++)
        {
            await WriteAsync(Own, Number(i), Name(i), Item(Number(i), $"wamid.search.{i}", "text", new { body = texts[i] }));
        }

        await WriteAsync(neighbour, "919866600099", "Zoë Neighbour",
            Item("919866600099", "wamid.search.n", "text", new { body = "ORD-123456 of the neighbour" }));
        await FoundAsync("neighbour", [], neighbour, 1);
        await FoundAsync("ord-123456", [0]);
        await FoundAsync("ou COMMANDE", [0]);
        await FoundAsync("123456", [0]);
        await FoundAsync("طلبي 7788", [1]);
        await FoundAsync("ऑर्डर", [2]);
        await FoundAsync("订单", [3]);
        await FoundAsync("🎉", [4]);
        await FoundAsync("person", [], Own, 6);
        await FoundAsync("perso two", [2]);
        await FoundAsync("+91 98666 00003", [3]);
        await FoundAsync("commande 订单", []);
        var match = (await SearchAsync(Own, "commande"))["data"][0].GetProperty("match");
        match.GetProperty("text").GetString().ShouldBe(texts[0]);
        (await SearchAsync(Own, "person", "&unread=false"))["data"].GetArrayLength().ShouldBe(0);
        (await SearchAsync(Own, " ,.- ")).ShouldBeProblem(400, "search.no_words");
        (await SearchAsync(Own, new string('a', 201))).ShouldBeProblem(400, "request.invalid");

        // As it is shown now: an edit replaces, a revocation takes away.
        await WriteAsync(Own, Number(5), Name(5),
            Item(Number(5), "wamid.search.e", "edit",
                new { original_message_id = "wamid.search.5", message = new { type = "text", text = new { body = "second wording" } } }));
        await FoundAsync("second wording", [5]);
        await FoundAsync("first wording", []);
        await WriteAsync(Own, Number(5), Name(5),
            Item(Number(5), "wamid.search.r", "revoke", new { original_message_id = "wamid.search.5" }));
        await FoundAsync("second wording", []);

        // Answers are found, too; of one conversation the newest message that has the words, once over all pages.
        var first = (await SearchAsync(Own, "commande"))["data"][0].GetProperty("id").GetGuid();
        for (var i = 0; i < 3; i++)
        {
            (await Own.Api.SendAsync("POST", $"/v1/conversations/{first}/messages",
                new { type = "text", text = new { body = $"regarding parcel {i}" } })).Status.ShouldBe(201);
            await WriteAsync(Own, Number(1), Name(1), Item(Number(1), $"wamid.search.p{i}", "text", new { body = $"my parcel {i}" }));
        }

        await FoundAsync("parcel 2", [1, 0]);
        var seen = new List<Guid>();
        for (string? cursor = ""; cursor is not null;)
        {
            var page = await SearchAsync(Own, "parcel", $"&limit=1{(cursor.Length == 0 ? "" : "&cursor=" + cursor)}");
            seen.AddRange(page["data"].EnumerateArray().Select(c => c.GetProperty("id").GetGuid()));
            cursor = page["next_cursor"].GetString();
        }

        seen.Count.ShouldBe(2);
        seen.Distinct().Count().ShouldBe(2);

        // Built anew it is the same; erased, nothing of the person is left.
        var before = await RowsAsync();
        (await app.Platform.SendAsync("POST", "/v1/projections/message_search.v1/rebuild")).Status.ShouldBe(202);
        await Patience.UntilAsync(() => app.Views.ScalarAsync("""
            SELECT count(*) FROM bsp.projections
             WHERE name = 'message_search.v1+next' OR (name = 'message_search.v1' AND request IS NOT NULL)
            """), n => n == "0", "the rebuild has ended");
        (await RowsAsync()).ShouldBe(before);
        var contact = (await SearchAsync(Own, "commande"))["data"][0].GetProperty("contact_id").GetGuid();
        (await Own.Api.SendAsync("POST", $"/v1/contacts/{contact}/erase")).Status.ShouldBe(202);
        await Patience.UntilAsync(() =>
            app.Views.ScalarAsync(
                "SELECT (SELECT count(*) FROM bsp.message_search WHERE contact_id = $1) + (SELECT count(*) FROM bsp.conversation_search WHERE contact_id = $1)", contact), n => n == "0", "no row is left");
        await FoundAsync("commande", []);
    }

    private Task<string> RowsAsync() =>
        app.Views.ScalarAsync(
            "SELECT md5((SELECT string_agg(s::text, '' ORDER BY message_id) FROM bsp.message_search s) || (SELECT string_agg(s::text, '' ORDER BY conversation_id) FROM bsp.conversation_search s))");

    private async Task FoundAsync(string words, int[] expected, Tenant? tenant = null, int count = -1)
    {
        var numbers = expected.Select(i => "+" + Number(i)).ToArray();
        await Patience.UntilAsync(async () => (await SearchAsync(tenant ?? Own, words))["data"].EnumerateArray()
            .Select(c => c.GetProperty("contact").GetProperty("phone_number").GetString()).ToArray(),
            found => count < 0 ? found.SequenceEqual(numbers) : found.Length == count, $"'{words}' finds {string.Join(", ", numbers)}");
    }

    private static Task<Answer> SearchAsync(Tenant tenant, string words, string more = "") =>
        tenant.Api.SendAsync("GET", $"/v1/conversations?q={Uri.EscapeDataString(words)}{more}");

    private static string Number(int i) => $"9198666{i:00000}";

    private static string Name(int i) =>
        $"Person {(i switch { 0 => "Zéro", 1 => "واحد", 2 => "Two", 3 => "三", 4 => "Four", _ => "Five" })}";

    private async Task WriteAsync(Tenant tenant, string from, string name, string item)
    {
        (await app.PostWebhookAsync(SignedWebhooks.Envelope(tenant,
            $"\"contacts\":[{JsonSerializer.Serialize(new { wa_id = from, profile = new { name } })}],\"messages\":[{item}]"))).Status.ShouldBe(200);
        await app.Views.InboxEmptyAsync();
    }

    private static string Item(string from, string id, string type, object own) => JsonSerializer.Serialize(new Dictionary<string, object>
    {
        ["from"] = from, ["id"] = id, ["timestamp"] = DateTimeOffset.UtcNow.ToUnixTimeSeconds()
            .ToString(System.Globalization.CultureInfo.InvariantCulture), ["type"] = type, [type] = own,
    });
}
