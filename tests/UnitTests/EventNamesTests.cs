using System.Text.RegularExpressions;
using Bsp.Application.EventStore;

namespace Bsp.UnitTests;

public sealed partial class EventNamesTests
{
    [Fact]
    public void Stored_names_are_Martens_aliases_of_the_records_names() =>
        EventTypes.All.ShouldAllBe(pair => pair.Key == MartenAlias(pair.Value.Name));

    [Theory]
    [InlineData("OrderPlaced", "order_placed")]
    [InlineData("HTTPRequestReceived", "http_request_received")]
    [InlineData("OrderV2Placed", "order_v2_placed")]
    [InlineData("UserID", "user_id")]
    [InlineData("ItemAdded2", "item_added_2")]
    public void The_rule_is_Martens(string type, string alias) => MartenAlias(type).ShouldBe(alias);

    // EventNamingStyle.ClassicTypeName of Marten 9.
    private static string MartenAlias(string name) =>
        Second().Replace(First().Replace(name, "$1 $2"), "$1 $2").ToLowerInvariant().Replace(' ', '_');

    [GeneratedRegex(@"(\P{Ll})(\P{Ll}\p{Ll})")]
    private static partial Regex First();

    [GeneratedRegex(@"(\p{Ll})(\P{Ll})")]
    private static partial Regex Second();
}
