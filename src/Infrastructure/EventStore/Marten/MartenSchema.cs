using JasperFx;
using Marten;
using Npgsql;

namespace Bsp.Infrastructure.EventStore.Marten;

/// <summary>
/// Brings the tables and functions of the log to the shape of the Marten that this build was made with, and checks that they have it.
/// </summary>
internal static class MartenSchema
{
    /// <param name="owner">A connection string whose role may become <c>bsp_owner</c>: what is made must belong to it, else the
    /// application's role could not use it.</param>
    /// <exception cref="Exception">Marten's, when the database differs from its configuration afterwards: the difference is in the
    /// message.</exception>
    public static async Task ApplyAsync(string owner)
    {
        var text = new NpgsqlConnectionStringBuilder(owner) { Pooling = false };
        text.Options = $"{text.Options} -c role=bsp_owner".Trim();
        using var store = DocumentStore.For(options =>
        {
            options.Connection(text.ConnectionString);
            options.Configure(AutoCreate.CreateOrUpdate);
        });
        await store.Storage.ApplyAllConfiguredChangesToDatabaseAsync();
        await store.Storage.Database.AssertDatabaseMatchesConfigurationAsync();
    }
}
