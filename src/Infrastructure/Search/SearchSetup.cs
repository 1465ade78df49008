using Bsp.Application.Common;
using Bsp.Infrastructure.Common;
using Bsp.Application.Search;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Search;

/// <summary>Finding conversations by words.</summary>
internal static class SearchSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<SearchKeys>();
        services.AddSingleton<IConversationSearch, ConversationSearch>();
        services.AddSingleton<ISweep, SearchSweep>();
    }
}
