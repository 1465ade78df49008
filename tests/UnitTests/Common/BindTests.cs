using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.UnitTests.Common;

/// <summary>What a statement is given.</summary>
public sealed class BindTests
{
    [Fact]
    public void An_array_of_texts_that_is_given_alone_is_one_argument()
    {
        using var command = new NpgsqlCommand();
        Give(command, (string[])["a", "b"]);
        command.Parameters.Select(p => p.Value).ShouldHaveSingleItem().ShouldBe((string[])["a", "b"]);
    }

    [Fact]
    public void Several_arguments_are_several_and_none_is_a_null()
    {
        using var command = new NpgsqlCommand();
        Give(command, (string[])["a"], null, 3);
        command.Parameters.Select(p => p.Value).ShouldBe([(string[])["a"], DBNull.Value, 3]);
    }

    // As statements are given their arguments: C# takes one array of references for the list of arguments itself.
    private static void Give(NpgsqlCommand command, params object?[] arguments) => Tenancy.Bind(command.Parameters, arguments);
}
